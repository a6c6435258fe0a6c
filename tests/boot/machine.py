# SPDX-License-Identifier: MIT
"""A Debian with systemd as process 1 in namespaces of this machine, and the shell into it.

Theory of operation: start.sh makes the namespaces; commands enter them with nsenter. It has the words of the guest in QEMU
(tests/guest/system_guest.py): sh, try_sh, wait_sh, as_someone, so that a check does not know which one it looks at. Our end
of its network is a cable (veth) in our own namespace; the other end is pushed in when a check says so: before that
the machine has loopback and nothing else.
"""

import contextlib
import os
import pathlib
import socket
import subprocess

from outside import TAP
from process import LabError, Process, wait_until
from shell import Shell
from system_guest import ADDRESSES, HERE
from where import TESTS

INSIDE = ["env", "-i", "container=lab", "PATH=/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8", "sh", "-c"]
COMMAND_S = 120
BOOT_S = 180
GROUP = "hostingpi-boot"


def hierarchy():
    """Where a cgroup2 hierarchy is mounted that we may write to, or None."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        place = pathlib.Path(before.split()[4])
        if after.split()[0] == "cgroup2" and os.access(place / "cgroup.procs", os.W_OK):
            return place
    return None


def lay_cable():
    """Our end, with addresses; the other one waits here until it is pushed in."""
    for words in (
        "link set lo up",
        f"link add {TAP} type veth peer name inside0",
        "link set inside0 up",
        f"link set {TAP} up",
        f"addr add {HERE[socket.AF_INET]}/24 dev {TAP}",
        f"-6 addr add {HERE[socket.AF_INET6]}/64 dev {TAP} nodad",
    ):
        subprocess.run(["ip", *words.split()], check=True)


class Machine(Process, Shell):
    def __init__(self, scratch, root):
        super().__init__(scratch, "console")
        self.root = root
        self.group = None
        self.first = 0

    def argv(self):
        return ["sh", TESTS / "boot/start.sh", self.root, self.group]

    def start(self):
        above = hierarchy()
        self.group = above / f"{GROUP}-{os.getpid()}"
        self.group.mkdir()
        self.spawn()
        wait_until(lambda: not self.alive() or self._find(), 60, "process 1 of the machine")
        if not self.alive():
            raise LabError(f"the namespaces could not be made: {self.tail()}")
        # Or no controller could be switched on inside: the root of a hierarchy may have processes, others may not.
        (above / "cgroup.procs").write_text(str(self.pid), encoding="ascii")
        try:
            self.wait_sh("systemctl is-system-running | grep -qE 'running|degraded'", BOOT_S, "systemd to be up")
        except LabError as error:
            raise LabError(f"{error}\n{self.tail()}") from None
        return self

    def _find(self):
        """systemd's process id here: the only child of unshare."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        for child in children:
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{child}/comm").read_text(encoding="ascii").strip() == "systemd":
                    self.first = int(child)
        return self.first

    def close(self):
        super().close()
        if not self.group:
            return
        folders = sorted(self.group.rglob("*"), key=lambda path: -len(path.parts))
        for folder in [path for path in folders if path.is_dir()] + [self.group]:
            with contextlib.suppress(OSError):
                wait_until(lambda folder=folder: self._remove(folder), 10, "an empty control group")

    @staticmethod
    def _remove(folder):
        with contextlib.suppress(OSError):
            folder.rmdir()
        return not folder.exists()

    def _enter(self, spaces, words, timeout):
        command = ["nsenter", "-t", str(self.first), *spaces, *words]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=timeout, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            raise LabError(f"no answer within {timeout:g} s to: {words[-1][:80]}") from None
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def try_sh(self, script, timeout=None):
        """(exit code, output) of a script that root runs inside."""
        return self._enter(["-m", "-p", "-i", "-u", "-n", "-C"], ["chroot", "/", *INSIDE, script], timeout or COMMAND_S)

    def as_someone(self, command):
        """(exit code, output) as an ordinary user."""
        return self.try_sh(f"setpriv --reuid=65534 --regid=65534 --clear-groups {command}")

    def plug_in(self):
        """The cable, and the addresses: the network has come."""
        subprocess.run(["ip", "link", "set", "inside0", "netns", str(self.first)], check=True)
        for words in (
            f"addr add {ADDRESSES[socket.AF_INET]}/24 dev inside0",
            f"-6 addr add {ADDRESSES[socket.AF_INET6]}/64 dev inside0 nodad",
            "link set inside0 up",
        ):
            code, said = self._enter(["-n"], ["ip", *words.split()], COMMAND_S)
            if code:
                raise LabError(f"ip {words}: {said}")
