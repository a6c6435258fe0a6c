# SPDX-License-Identifier: MIT
"""A stand-in for systemd, as far as a service sees it: notifications, descriptor store, restarts.

Theory of operation: Manager binds the notification socket and keeps what comes with FDSTORE=1 under
its name, as systemd.service(5) says of FileDescriptorStoreMax=; FDSTOREREMOVE=1 closes all of a name,
and so does a real stop. Unit is the agent as a service: restart() does what `systemctl restart` does
(ExecStop=, SIGTERM, wait, start), crash() what Restart= does after SIGKILL, end() is a real stop.
Started as a program, this file is the last step before the agent's own code: it puts the descriptors at
3, 4, ..., says whose they are (LISTEN_PID must be the process that uses them) and executes the agent.
"""

import os
import sys

FIRST_FD = 3
FDS = "STAND_IN_FDS"


def execute(argv):
    """In the child: descriptors to their numbers, and on to the program."""
    fds = [int(text) for text in os.environ.pop(FDS, "").split(",") if text]
    high = [os.dup2(fd, 200 + place) for place, fd in enumerate(fds)]
    for fd in fds:
        os.close(fd)
    for place, fd in enumerate(high):
        os.dup2(fd, FIRST_FD + place)  # dup2() makes it inheritable
        os.close(fd)
    if fds:
        os.environ["LISTEN_PID"] = str(os.getpid())
    os.execv(argv[0], argv)


if __name__ == "__main__":
    execute(sys.argv[1:])

# Not for the child, whose start is to be quick.
import array  # noqa: E402
import contextlib  # noqa: E402
import itertools  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

import harness  # noqa: E402


class Manager:
    """The notification socket and the store of one service."""

    def __init__(self, scratch):
        self.path = scratch.path / "notify"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(self.path))
        self.store = {}  # name: [descriptors]
        self.changed = threading.Condition()
        self.texts = []  # all assignments, in order
        self.marks = itertools.count()
        self.hearer = threading.Thread(target=self._hear, daemon=True)
        self.hearer.start()

    def _hear(self):
        while True:
            fds = array.array("i")
            try:
                data, ancillary, _, _ = self.sock.recvmsg(4096, socket.CMSG_SPACE(16 * 4))
            except OSError:
                return
            if not data:  # shut down
                return
            for level, kind, payload in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(payload[: len(payload) // 4 * 4])
            lines = data.decode().splitlines()
            values = dict(line.split("=", 1) for line in lines)
            with self.changed:
                self._take(values, list(fds))
                self.texts += lines
                self.changed.notify_all()

    def _take(self, values, fds):
        name = values.get("FDNAME", "stored")
        if values.get("FDSTORE") == "1":
            held = self.store.setdefault(name, [])
            for fd in fds:
                if any(os.path.sameopenfile(fd, other) for other in sum(self.store.values(), [])):
                    os.close(fd)  # systemd keeps each once
                else:
                    held.append(fd)
        elif values.get("FDSTOREREMOVE") == "1":
            for fd in self.store.pop(name, []):
                os.close(fd)

    def names(self):
        with self.changed:
            return sorted(name for name, fds in self.store.items() if fds)

    def count(self, text):
        with self.changed:
            return self.texts.count(text)

    def settle(self):
        """Until all that was sent before has been taken."""
        mark = f"MARK={next(self.marks)}"
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
            sock.settimeout(harness.DEADLINE_S)
            sock.connect(str(self.path))
            sock.send(mark.encode())
        self.wait_for(mark, 1)

    def wait_for(self, text, count, timeout=harness.DEADLINE_S):
        """Until it was said so often in all."""
        harness.wait_until(lambda: self.count(text) >= count, timeout, f"{text} from the agent")

    def forget_all(self):
        with self.changed:
            for fd in sum(self.store.values(), []):
                os.close(fd)
            self.store.clear()

    def close(self):
        # Not while it is read: the kernel may begin that call anew, with a number that is another socket's by then.
        self.sock.shutdown(socket.SHUT_RDWR)
        self.hearer.join(harness.DEADLINE_S)
        self.sock.close()
        self.forget_all()


class Unit(harness.Agent):
    """The agent as a service of a Manager. binary: what ExecStart= names, a copy that can be replaced."""

    def __init__(self, scratch, config=None, name="agent", options=(), sockets=()):
        super().__init__(scratch, config, name, options)
        self.manager = Manager(scratch)
        self.sockets = list(sockets)  # of a .socket unit: handed over at each start, never stored
        self.binary = scratch.path / "hostingpid"
        self.starts = 0
        self.upgrade()

    def upgrade(self):
        """As dpkg does: the new file takes the name of the old one."""
        beside = self.binary.with_suffix(".new")
        shutil.copy2(harness.BUILD / "hostingpid", beside)
        beside.rename(self.binary)

    def argv(self):
        agent = [self.binary, "-c", self.config, *self.options]
        return [sys.executable, "-ISE", __file__, *agent]

    def spawn(self, **pipes):
        self.manager.settle()
        with self.manager.changed:
            stored = [(name, fd) for name, fds in self.manager.store.items() for fd in fds]
        handed = [("web.socket", sock.fileno()) for sock in self.sockets] + stored
        fds = [fd for _, fd in handed]
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.manager.path)}
        if handed:
            environment |= {
                FDS: ",".join(map(str, fds)),
                "LISTEN_FDS": str(len(fds)),
                "LISTEN_FDNAMES": ":".join(name for name, _ in handed),
            }
        self.starts = self.manager.count("READY=1") + 1
        return super().spawn(env=environment, pass_fds=fds, **pipes)

    def ready(self):
        return self.manager.count("READY=1") >= self.starts

    def start(self):
        try:
            return super().start()
        except harness.LabError as error:
            said = self.manager.texts[-12:]
            raise harness.LabError(f"{error}\n{said}, wants READY=1 {self.starts} times") from None

    def ctl(self, *words):
        """hostingpictl for this agent; its exit code."""
        command = [harness.BUILD / "hostingpictl", "--socket", self.run_dir / "control.sock"]
        return subprocess.run(
            [*command, *words], check=False, timeout=20, capture_output=True
        ).returncode

    def stop_for_restart(self):
        """The first half of `systemctl restart`."""
        assert self.ctl("handover") == 0
        assert self.term() == 0

    def restart(self):
        """`systemctl restart`; returns the seconds from SIGTERM to READY=1."""
        assert self.ctl("handover") == 0
        begin = time.monotonic()
        assert self.term() == 0
        self.start()
        return time.monotonic() - begin

    def crash(self):
        self.kill()
        self.start()

    def end(self):
        """`systemctl stop`."""
        code = self.term()
        self.manager.forget_all()
        return code

    def close(self):
        super().close()
        with contextlib.suppress(OSError):
            self.manager.close()

    def hang_up(self):
        """SIGHUP and the READY=1 after it."""
        count = self.manager.count("READY=1")
        os.kill(self.pid, signal.SIGHUP)
        self.manager.wait_for("READY=1", count + 1)
