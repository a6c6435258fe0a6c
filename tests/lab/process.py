# SPDX-License-Identifier: MIT
"""Processes, ports and a scratch folder for the lab tests and the demonstration.

Theory of operation: every daemon is a Process in a process group of its own, in the foreground,
with its output in a file of the scratch folder. Its kernel parent-death signal is set, so that even
a killed test run leaves no process behind. Ports are picked outside the range of outgoing
connections and are free on both loopback families. Nothing here sleeps for a fixed time to let
something happen: wait_until() looks again until the thing is true or a generous deadline passes.
Only the standard library is used. All start() and restart() calls belong to the main thread: the
parent-death signal follows the thread that started the child.
"""

import atexit
import contextlib
import ctypes
import functools
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SEARCH_PATH = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
PR_SET_PDEATHSIG = 1
LOOPBACK = {socket.AF_INET6: "::1", socket.AF_INET: "127.0.0.1"}
DEADLINE_S = 20.0  # generous: a loaded machine is slow, a hanging daemon is forever

_libc = ctypes.CDLL(None)
_handed_out = set()


class LabError(Exception):
    """A daemon did not do what it must; the message says which and shows its last output."""


def wait_until(predicate, timeout=DEADLINE_S, what="a condition", pause=0.02):
    """Returns the first true value of predicate(); LabError after timeout seconds.

    A refused or broken connection counts as "not yet": daemons come and go here."""
    deadline = time.monotonic() + timeout
    while True:
        value, trouble = None, ""
        try:
            value = predicate()
        except ConnectionError as error:
            trouble = f"; last: {error}"
        if value:
            return value
        if time.monotonic() >= deadline:
            raise LabError(f"waited {timeout:g} s for {what}{trouble}")
        time.sleep(pause)


def program(name):
    """Path of a program, the sbin folders included, or None."""
    return shutil.which(name, path=SEARCH_PATH)


def _can_bind(family, port):
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as sock:
        try:
            sock.bind((LOOPBACK[family], port))
        except OSError:
            return False
    return True


@functools.cache
def families():
    """The loopback families that work here (one may be switched off), IPv6 first."""
    usable = []
    for family, address in LOOPBACK.items():
        with contextlib.suppress(OSError), socket.socket(family) as server:
            server.bind((address, 0))
            server.listen()
            with socket.create_connection(server.getsockname()[:2], timeout=5):
                usable.append(family)
    return tuple(usable)


def free_port(family=None):
    """A port nobody listens on: of one family, or of both (None). Never handed out twice."""
    wanted = families() if family is None else [family]
    for _ in range(1000):
        port = random.randint(10240, 32000)
        if port not in _handed_out and all(_can_bind(f, port) for f in wanted):
            _handed_out.add(port)
            return port
    raise LabError("no free port found")


def url_host(family):
    return "[::1]" if family == socket.AF_INET6 else "127.0.0.1"


def can_connect(port, family=None):
    for one in families() if family is None else [family]:
        with contextlib.closing(socket.socket(one, socket.SOCK_STREAM)) as sock:
            sock.settimeout(1)
            if sock.connect_ex((LOOPBACK[one], port)) != 0:
                return False
    return True


class Scratch:
    """A folder with a short name (Unix socket paths end at 107 bytes); it owns its processes."""

    def __init__(self, prefix="hostingpi-"):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        self.path.chmod(0o755)  # daemons that drop root must still get in
        self.processes = []
        atexit.register(self.close)

    def file(self, name, text=None):
        path = self.path / name
        if text is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return path

    def logs(self):
        """(file name, last 4000 characters) of everything the daemons said."""
        return [
            (path.name, path.read_text(errors="replace")[-4000:])
            for path in sorted(self.path.glob("*.log"))
        ]

    def close(self):
        for process in reversed(self.processes):
            process.close()
        self.processes.clear()
        shutil.rmtree(self.path, ignore_errors=True)
        atexit.unregister(self.close)


class Process:
    """One program in its own session and process group. Subclasses give argv() and ready()."""

    def __init__(self, scratch, name):
        self.scratch = scratch
        self.name = name
        self.log = scratch.path / f"{name}.log"
        self.popen = None
        scratch.processes.append(self)

    def argv(self):
        raise NotImplementedError

    def ready(self):
        return True

    def spawn(self, **pipes):
        argv = [str(word) for word in self.argv()]
        path = program(argv[0])
        if path is None:
            raise LabError(f"{argv[0]} is not there; tests/deps.sh says what to install")
        with open(self.log, "ab") as log:
            files = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **pipes}
            self.popen = subprocess.Popen(
                [path, *argv[1:]],
                cwd=self.scratch.path,
                start_new_session=True,
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
                **files,
            )
        return self

    def start(self):
        self.spawn()
        try:
            wait_until(lambda: not self.alive() or self.ready(), what=f"{self.name} to be ready")
        except LabError as error:
            raise LabError(f"{error}\n{self.tail()}") from None
        if not self.alive():
            raise LabError(f"{self.name} ended with {self.popen.returncode}\n{self.tail()}")
        return self

    def tail(self, characters=2000):
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number):
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, number)

    def stop(self):
        """SIGSTOP: the process hangs, its sockets stay open."""
        self.signal(signal.SIGSTOP)

    def cont(self):
        self.signal(signal.SIGCONT)

    def wait(self, timeout=DEADLINE_S):
        """The exit code (negative: the signal)."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name} still runs after {timeout:g} s\n{self.tail()}") from None

    def term(self, timeout=DEADLINE_S):
        """SIGTERM, then the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """SIGKILL, then the exit code (-9)."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def restart(self):
        self.close()
        return self.start()

    def close(self):
        """Ends the process for certain: politely first, then not."""
        if self.popen is None:
            return
        self.cont()
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.popen.wait()
