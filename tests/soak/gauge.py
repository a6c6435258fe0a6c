# SPDX-License-Identifier: MIT
"""What the agent has and uses at one moment, read from /proc.

Theory of operation: memory is smaps_rollup, and of smaps the mapping [heap]; anonymous memory as a whole
counts arenas of threads as well. Callers come and go all the time, so descriptors are those of the look
that saw fewest. A zombie is one that two looks saw.
"""

import collections
import contextlib
import os
import pathlib
import re
import stat
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter

LOOKS = 20
BETWEEN_S = 0.02
WRITING = os.O_WRONLY | os.O_RDWR


def heap_kb(pid):
    """Resident and anonymous kB of [heap]; 0 where there is none."""
    inside = False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = line.endswith("[heap]")
        elif inside and line.startswith("Anonymous:"):
            return int(line.split()[1])
    return 0


def places(pid):
    """{address and name of a mapping: anonymous kB}"""
    found, name = {}, ""
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            words = line.split()
            name = f"{words[0].partition('-')[0]} {os.path.basename(words[5]) if len(words) > 5 else ''}"
        elif line.startswith("Anonymous:") and int(line.split()[1]):
            found[name.strip()] = int(line.split()[1])
    return found


def descriptors(pid):
    """{kind: number}; kinds are file, pipe, socket, anon_inode:..."""
    kinds = collections.Counter()
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(path)
            kinds["file" if target.startswith("/") else re.sub(r":\[?\d.*", "", target)] += 1
    return dict(kinds)


def fewest_descriptors(pid):
    looks = []
    for _ in range(LOOKS):
        looks.append(descriptors(pid))
        time.sleep(BETWEEN_S)
    return min(looks, key=lambda kinds: sum(kinds.values()))


def files_on_disks(pid):
    """Files that are open for writing and on a file system with a block device."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            info = pathlib.Path(f"/proc/{pid}/fdinfo/{path.name}").read_text()
            flags = int(re.search(r"flags:\s*(\d+)", info)[1], 8)
            there = path.stat()
            if flags & WRITING and stat.S_ISREG(there.st_mode) and os.major(there.st_dev):
                found.append(os.readlink(path))
    return found


def children(pid):
    """{pid: state}, a letter as in ps."""
    found = {}
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with contextlib.suppress(OSError):
                    text = pathlib.Path(f"/proc/{child}/stat").read_text()
                    found[int(child)] = text.rpartition(")")[2].split()[0]
    return found


def io(pid, key="write_bytes"):
    text = pathlib.Path(f"/proc/{pid}/io").read_text()
    return int(re.search(rf"^{key}: (\d+)", text, re.M)[1])


def look(pid):
    """All of it, in a fifth of a second or a few; memory sizes in kB."""
    before = children(pid)
    kinds = fewest_descriptors(pid)
    after = children(pid)
    memory = meter.memory(pid)
    return {
        "rss_kb": memory["rss_kb"],
        "private_dirty_kb": memory["private_dirty_kb"],
        "anon_kb": memory["anonymous_kb"],
        "heap_kb": heap_kb(pid),
        "descriptors": kinds,
        "descriptors_all": sum(kinds.values()),
        "threads": memory["threads"],
        "children": len(after),
        "zombies": sum(before.get(child) == state == "Z" for child, state in after.items()),
        "disk_bytes": io(pid),
        "disk_files": files_on_disks(pid),
        "places": places(pid),
        "cpu_s": sum(meter.cpu_ns(pid).values()) / 1e9,
    }
