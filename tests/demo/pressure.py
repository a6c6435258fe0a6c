# SPDX-License-Identifier: MIT
"""Bounded memory pressure: how much is safe here, and the child that takes it.

Theory of operation: run as a program, `pressure.py BYTES BYTES_PER_S` takes that much memory at
that pace by writing to each page, holds it, and gives it back when it is told to end. It volunteers
to be the first that the kernel kills, and it stops growing when the machine has half of what it had
at the start, whoever took the rest.
"""

import contextlib
import math
import mmap
import pathlib
import signal
import sys
import time

MIB = 1 << 20
CHUNK = 4 * MIB
LEAST = 32 * MIB  # below this, ordinary ups and downs of a machine drown the effect
MOST = 512 * MIB


def meminfo(key):
    for line in pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/meminfo has no {key}")


def cgroup_left():
    """What the memory cgroups above us leave; infinite without a limit."""
    left = math.inf
    with contextlib.suppress(OSError, StopIteration):
        groups = pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        name = next(line[3:] for line in groups if line.startswith("0::"))
        root = pathlib.Path("/sys/fs/cgroup")
        folder = root / name.lstrip("/")
        for folder in (folder, *folder.parents):
            if root not in (folder, *folder.parents):
                break
            with contextlib.suppress(OSError, ValueError):
                limit = int((folder / "memory.max").read_text(encoding="ascii"))
                used = int((folder / "memory.current").read_text(encoding="ascii"))
                left = min(left, limit - used)
    return left


def available():
    """Bytes that may be taken here without hurting anybody."""
    return int(min(meminfo("MemAvailable"), cgroup_left()))


def safe_size():
    """Never more than 512 MiB or a tenth of what is available; 0: too little memory to play."""
    size = min(MOST, available() // 10) // CHUNK * CHUNK
    return size if size >= LEAST else 0


def take(size, rate):
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    floor = available() // 2
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    content = b"\xa5" * CHUNK
    start = time.monotonic()
    for offset in range(0, size, CHUNK):
        if available() < floor:
            print(f"stopped growing at {offset // MIB} MiB: memory fell by half", flush=True)
            break
        memory[offset : offset + CHUNK] = content[: min(CHUNK, size - offset)]
        time.sleep(max(0.0, start + (offset + CHUNK) / rate - time.monotonic()))
    print("holding", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    take(int(sys.argv[1]), int(sys.argv[2]))
