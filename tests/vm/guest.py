# SPDX-License-Identifier: MIT
"""The guest: a QEMU process, its console, and the witness.

Theory of operation: the console carries commands in (guest/init.sh) and lines that start with LAB-
out; a thread keeps them with the time they came. The witness is QEMU's own count of bytes written
to the swap disk, asked over QMP: neither the agent nor the guest's kernel has a say in it. The
header of the swap space is written before QEMU starts, so the count starts at 0. Swap
and data disk are throttled in bytes and in operations as an SD card is (machine.py); what the guest
writes elsewhere is thrown away with the process.
"""

import collections
import contextlib
import json
import socket
import subprocess
import threading
import time

import where  # noqa: F401 (makes the lab's modules importable)
import image
from machine import MACHINES
from process import DEADLINE_S, LabError, Process, free_port, program

BOOT_S = 400  # 8 s on an idle machine; raspi3b on a busy one 120 s
SWAP_MB = 512

Sample = collections.namedtuple(
    "Sample", "time uptime_ms available_kb free_kb anon_kb swap_free_kb pswpout oom_kill"
)


def make_swap(path, megabytes=SWAP_MB):
    with open(path, "wb") as file:
        file.truncate(megabytes << 20)
    path.chmod(0o600)
    subprocess.run([program("mkswap"), "-q", "-L", "swap", path], check=True, stdout=subprocess.DEVNULL)


class Console(Process):
    """A guest of which only the console is known: lines that come, and commands that go."""

    def __init__(self, scratch, machine):
        super().__init__(scratch, "guest")
        self.machine = machine
        self.words = "modules=" + ",".join(machine.modules.split())
        self.lines = []
        self.changed = threading.Condition()
        self.qmp = None

    def qemu(self, forwards):
        """The command line without disks; forwards: [(port outside, port inside)]."""
        words = f"{self.machine.kernel_words} quiet panic=-1 mitigations=off {self.words}"
        net = [f"hostfwd=tcp:127.0.0.1:{outside}-:{inside}" for outside, inside in forwards]
        return [
            "qemu-system-aarch64", *self.machine.words, "-accel", "tcg,thread=multi",
            "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", image.BOOT / "vmlinuz", "-initrd", image.FOLDER / "initramfs",
            "-append", words,
            "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
            "-qmp", f"unix:{self.scratch.path}/qmp,server=on,wait=off",
            "-netdev", ",".join(["user,id=net,ipv4=on,ipv6=on", *net]),
            "-device", self.machine.net,
        ]  # fmt: skip

    def spawn(self, **pipes):
        super().spawn(stdin=subprocess.PIPE, stdout=subprocess.PIPE, **pipes)
        threading.Thread(target=self._read, args=(self.popen.stdout,), daemon=True).start()
        return self

    def start(self):
        """Returns what the guest says when it is up."""
        self.spawn()
        up = self.wait_line("LAB-UP", BOOT_S)
        if failed := self.find("LAB-FAILED"):
            raise LabError(f"the guest says: {failed[0][1]}\n{self.tail()}")
        self.qmp = Qmp(self.scratch.path / "qmp")
        return up

    def _read(self, pipe):
        with open(self.log, "ab") as log:
            for raw in pipe:
                now = time.monotonic()
                log.write(raw)
                log.flush()
                line = raw.decode("utf-8", "replace").strip()
                with self.changed:
                    self.take(now, line)
                    self.changed.notify_all()

    def take(self, now, line):
        """Keeps a line that came."""
        if line.startswith("LAB-"):
            self.lines.append((now, line))

    def find(self, start):
        """[(time, line)] of what the guest said so far that starts like this."""
        with self.changed:
            return [said for said in self.lines if said[1].startswith(start)]

    def wait_line(self, start, timeout=DEADLINE_S):
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                for _, line in self.lines:
                    if line.startswith(start):
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or not self.alive():
                    raise LabError(f"no {start} from the guest within {timeout:g} s\n{self.tail()}")
                self.changed.wait(min(left, 1))

    def command(self, text):
        self.popen.stdin.write(text.encode() + b"\n")
        self.popen.stdin.flush()

    def end(self, timeout=15):
        """Switches the guest off; one that stands still in its swap is not waited for."""
        self.command("end")
        with contextlib.suppress(LabError):
            self.wait(timeout)


class Guest(Console):
    """The guest that is to run out of memory: web server, swap disk with a witness."""

    def __init__(self, scratch, machine="virt", agent=False, guard=False, psi=True):
        super().__init__(scratch, MACHINES[machine])
        self.psi = psi
        self.swap = scratch.path / "swap.img"
        make_swap(self.swap)
        self.web_port = free_port()
        self.agent_port = free_port()
        self.headrooms = []  # (time, bytes), as the agent says it each second
        self.samples = []
        self.words += f" agent={int(agent)} guard={int(guard)} psi={int(psi)}"
        self.words += " disks=data,swap first=/payload/init.sh"

    def argv(self):
        fresh = ["snapshot=on"]
        disk = self.machine.disk
        return [
            *self.qemu([(self.web_port, 80), (self.agent_port, 9777)]),
            *disk("root", image.FOLDER / "root.img", fresh, False),
            *disk("payload", image.FOLDER / "payload.img", fresh, False),
            *disk("data", image.FOLDER / "data.img", fresh, True),
            *disk("swap", self.swap, [], True),
        ]

    def start(self):
        up = super().start()
        if f"psi={int(self.psi)}" not in up:
            raise LabError(f"the kernel did not take psi={int(self.psi)}: {up}")

    def take(self, now, line):
        if line.startswith("LAB-S "):
            self._keep(now, line.split()[1:])
        elif line.startswith("LAB-HEADROOM "):
            self.headrooms.append((now, int(line.split()[1])))
        else:
            super().take(now, line)

    def _keep(self, now, words):
        if len(words) == len(Sample._fields) - 1 and all(w.lstrip("-").isdigit() for w in words):
            self.samples.append(Sample(now, *map(int, words)))

    def swap_written(self):
        """Bytes written to the swap disk so far, as QEMU counts them."""
        for block in self.qmp.ask("query-blockstats"):
            if block.get("device") == "swap":
                return block["stats"]["wr_bytes"]
        raise LabError("QEMU knows no disk named swap")


class Qmp:
    """QEMU's control socket: one question, one answer."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()  # the greeting
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise LabError(f"QEMU: {answer['error'].get('desc')}")
