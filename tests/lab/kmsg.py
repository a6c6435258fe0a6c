# SPDX-License-Identifier: MIT
"""A made-up Pi with a kernel log that a test writes.

Theory of operation: the agent runs on a root directory of its own, with its root file system on
mmcblk0 and a USB stick that is not ours. dev/kmsg is a pipe in packet mode: one record per read(), as
the device has it. A pipe has no history, so after a restart of the agent the test says again what the
device would have handed out once more.
"""

import fcntl
import os

BOOT_ID = "7bee0392-aceb-44f2-9b3b-0f9ece9bb141"
PIPE_BYTES = 1 << 20  # a page for each record: 256 of them


def make_root(scratch, name):
    """A Pi with much free memory and nothing to do."""
    root = scratch.path / name
    memory = {"MemTotal": 1000000, "MemFree": 700000, "MemAvailable": 800000}
    for key in ("Active(file)", "Inactive(file)", "Dirty", "Writeback", "SReclaimable", "SwapTotal"):
        memory[key] = 0
    scratch.file(f"{name}/proc/meminfo", "".join(f"{k}: {v} kB\n" for k, v in memory.items()))
    scratch.file(f"{name}/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
    scratch.file(f"{name}/proc/sys/kernel/random/boot_id", BOOT_ID + "\n")
    mount = "27 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n"
    scratch.file(f"{name}/proc/self/mountinfo", mount)
    for disk in ("mmcblk0", "sda"):
        scratch.file(f"{name}/sys/block/{disk}/stat", " ".join(["0"] * 17) + "\n")
    scratch.file(f"{name}/sys/block/mmcblk0/mmcblk0p2/dev", "179:2\n")
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/dev/block/179:2").symlink_to("../../block/mmcblk0/mmcblk0p2")
    (root / "dev").mkdir()
    return root


class KmsgPipe:
    """dev/kmsg below root; open() when the agent has it open."""

    def __init__(self, root):
        self.path = root / "dev/kmsg"
        os.mkfifo(self.path)
        self.fd = None

    def open(self):
        self.fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        fcntl.fcntl(self.fd, fcntl.F_SETFL, os.O_DIRECT | os.O_NONBLOCK)
        return self

    def say(self, number, text, prefix=3):
        os.write(self.fd, f"{prefix},{number},{number * 10},-;{text}\n".encode())

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None
