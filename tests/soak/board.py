# SPDX-License-Identifier: MIT
"""The made-up Pi 4 on which the agent runs: what it reads, and what goes wrong with it.

Theory of operation: a copy of tests/roots/pi4 whose dev/kmsg is a pipe, one record per read() as the
device has it. The agent keeps its files open, so everything is rewritten in place, at once and with
the length that it had; a sensor that vanishes is a file without content.
"""

import contextlib
import os
import shutil

import where  # noqa: F401 (makes the lab's modules importable)
from harness import REPO
from kmsg import KmsgPipe

MMC = "sys/devices/platform/emmc2bus/fe340000.mmc/mmc_host/mmc0/mmc0:aaaa"
SENSORS = {
    "temperature": "sys/class/hwmon/hwmon1/temp1_input",
    "voltage": "sys/class/hwmon/hwmon0/in0_lcrit_alarm",
    "clock": "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq",
    "firmware": "dev/vcio_gencmd",
}
DISK = f"{MMC}/block/mmcblk0/stat"
# What of meminfo goes when programs grow.
GIVES_WAY = ("MemFree", "MemAvailable", "Buffers", "Cached", "Active(file)", "Inactive(file)")


class Board:
    def __init__(self, scratch):
        self.root = scratch.path / "root"
        shutil.copytree(REPO / "tests/roots/pi4", self.root, symlinks=True)
        (self.root / "dev/kmsg").unlink()
        self.kmsg = KmsgPipe(self.root)
        self.number = 1000
        files = [*SENSORS.values(), DISK, "proc/meminfo", "proc/vmstat", "proc/net/dev"]
        self.texts = {path: (self.root / path).read_text() for path in files}
        self.swapped = 0

    def write(self, path, text):
        """In place; blanks stand for what is missing at the end of a shorter text."""
        data = text.encode()
        with open(self.root / path, "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), data, 0)
            file.truncate(len(data))

    def restore(self, *paths):
        for path in paths:
            self.write(path, self.texts[path])

    def say(self, text, prefix=3):
        """A record of the kernel; False if the pipe is full, as it is while the agent hangs."""
        self.number += 1
        with contextlib.suppress(BlockingIOError):
            self.kmsg.say(self.number, text, prefix)
            return True
        return False

    def set_memory(self, percent):
        """So much of what could be had at first is left."""
        lines = []
        for line in self.texts["proc/meminfo"].splitlines():
            key, _, value = line.partition(":")
            if key in GIVES_WAY:
                line = f"{key}:{int(value.split()[0]) * percent // 100:>{len(value) - 3}} kB"
            lines.append(line)
        self.write("proc/meminfo", "\n".join(lines) + "\n")

    def swap_out(self, pages):
        """Further pages went to the swap on the card."""
        self.swapped += pages
        lines = []
        for line in self.texts["proc/vmstat"].splitlines():
            key, value = line.split()
            if key == "pswpout":
                line = f"{key} {int(value) + self.swapped}"
            lines.append(line)
        self.write("proc/vmstat", "\n".join(lines) + "\n")

    def set_disk(self, in_flight):
        """So many requests are at the card, and none finishes."""
        words = self.texts[DISK].split()
        words[8] = str(in_flight)
        self.write(DISK, " ".join(f"{word:>8}" for word in words) + "\n")

    def set_firmware(self, bits):
        self.write(SENSORS["firmware"], self.texts[SENSORS["firmware"]].replace("0x0", bits, 1))
