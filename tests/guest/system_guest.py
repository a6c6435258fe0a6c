# SPDX-License-Identifier: MIT
"""The running system: a QEMU process, its console, and a shell on a virtual serial port.

Theory of operation: nothing goes in or out by the console but the kernel's and systemd's own words, which are kept. Commands go
to a shell on a port of its own (inside/shell.sh) and come back with their exit code and what they said, so
that no network, no ssh and no login is part of what is measured. When the shell says HELLO the system is up; it says so
again after each boot. A boot is a new QEMU process: one that is reset inside has been seen to stand still for
minutes. The root disk is a copy, thrown away at the end. QEMU counts what is written to it: that is the
witness for bytes written. (An SD card as on a Pi would be slower by far; QEMU does not count what is written to it.)
"""

import base64
import contextlib
import json
import socket
import threading
import time

import image
import system_root
from course import PATIENCE
from process import LabError, Process
from shell import Shell
from where import FOLDER

BOOT_S = 300 * PATIENCE
COMMAND_S = 300 * PATIENCE
ADDRESSES = {socket.AF_INET6: "2001:db8::2", socket.AF_INET: "192.0.2.2"}
HERE = {socket.AF_INET6: "2001:db8::1", socket.AF_INET: "192.0.2.1"}
FAMILY_NAMES = {socket.AF_INET6: "IPv6", socket.AF_INET: "IPv4"}


class Guest(Process, Shell):
    def __init__(self, scratch, payload, tap):
        super().__init__(scratch, "console")
        self.payload = payload
        self.tap = tap
        self.port = None
        self.number = 0
        self.answers = {}
        self.hellos = []
        self.changed = threading.Condition()

    def argv(self):
        disk = [
            "-drive", f"file={self.scratch.path}/root.img,if=none,id=root,format=raw,cache=unsafe",
            "-device", "virtio-blk-pci,drive=root",
        ]  # fmt: skip
        first = "quiet first=/sbin/init"
        return [
            *system_root.qemu(disk, self.payload, first), "-no-reboot",
            "-serial", "stdio", "-device", "virtio-rng-pci",
            "-qmp", f"unix:{self.scratch.path}/qmp,server=on,wait=off",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=lab,path={self.scratch.path}/port,server=on,wait=off",
            "-device", "virtserialport,chardev=lab,name=lab",
            "-netdev", f"tap,id=net,ifname={self.tap},script=no,downscript=no",
            "-device", "virtio-net-pci,netdev=net,romfile=",
        ]  # fmt: skip

    def ready(self):
        with contextlib.suppress(OSError):
            port = socket.socket(socket.AF_UNIX)
            port.connect(str(self.scratch.path / "port"))
            self.port = port
        return self.port is not None

    def start(self):
        image.run("cp", "--sparse=always", FOLDER / "root.img", self.scratch.path)
        return self._boot()

    def _boot(self):
        before = len(self.hellos)
        super().start()
        threading.Thread(target=self._listen, args=(self.port,), daemon=True).start()
        self.wait_hello(before)
        return self

    def _listen(self, port):
        with port.makefile("r", encoding="ascii", errors="replace") as lines:
            for line in lines:
                words = line.split()
                with self.changed:
                    if words[:1] == ["HELLO"]:
                        self.hellos.append(time.monotonic())
                    elif len(words) in (2, 3):
                        said = base64.b64decode(words[2]) if len(words) == 3 else b""
                        self.answers[words[0]] = int(words[1]), said.decode("utf-8", "replace")
                    self.changed.notify_all()

    def _wait(self, what, timeout, found):
        deadline = time.monotonic() + timeout
        with self.changed:
            while not found():
                left = deadline - time.monotonic()
                if left <= 0 or not self.alive():
                    raise LabError(f"no {what} from the guest within {timeout:g} s\n{self.tail(800)}")
                self.changed.wait(min(left, 1))

    def wait_hello(self, before):
        """Until the shell has said HELLO more often than this."""
        self._wait("shell", BOOT_S, lambda: len(self.hellos) > before)

    def send(self, script):
        """Starts a script as root; the number under which its answer comes."""
        self.number += 1
        number = str(self.number)
        self.port.sendall(f"{number} {base64.b64encode(script.encode()).decode()}\n".encode())
        return number

    def try_sh(self, script, timeout=None):
        """(exit code, output) of a script that root runs in the guest."""
        number = self.send(script)
        self._wait(f"answer to: {script[:60]}", timeout or COMMAND_S, lambda: number in self.answers)
        return self.answers.pop(number)

    def as_someone(self, command):
        """(exit code, output) as the ordinary user, after a login (so that groups count)."""
        return self.try_sh(f"su - someone -c '{command}'")

    def reboot(self):
        """Restarts the machine as an operator does."""
        self.send("systemctl reboot")
        self.wait(BOOT_S)
        self.port.close()
        self.port = None
        self._boot()

    def qmp(self, command, **arguments):
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(30)
            control.connect(str(self.scratch.path / "qmp"))
            lines = control.makefile("rw", encoding="utf-8")
            lines.readline()
            for words in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                lines.write(json.dumps(words) + "\n")
                lines.flush()
                while "return" not in (answer := json.loads(lines.readline())):
                    if "error" in answer:
                        raise LabError(f"QEMU: {answer['error'].get('desc')}")
            return answer["return"]

    def written(self):
        """Bytes written to the root disk so far, as QEMU counts them."""
        for block in self.qmp("query-blockstats"):
            if block.get("device") == "root":
                return block["stats"]["wr_bytes"]
        raise LabError("QEMU knows no disk named root")
