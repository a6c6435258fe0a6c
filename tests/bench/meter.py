# SPDX-License-Identifier: MIT
"""What a running process costs, read from /proc and counted by strace.

Theory of operation: processor time is the scheduler's own count in nanoseconds
(/proc/PID/task/*/schedstat), because at one sample a second a program uses less than one tick of
the clock that utime and stime count in. On a virtual machine that count also grows while the host
runs somebody else in the middle of our work, by more than what we measure; so a window is cut into
slots and the median slot is told beside the mean. Memory is smaps_rollup and, to see where it goes, smaps.
Heap growth is the growth of all anonymous memory, so that arenas of threads and memory-mapped
allocations count as well. "Written" is what was sent to storage (/proc/PID/io).
"""

import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

from process import LabError, Process, wait_until

ARENA_BYTES = 64 << 20  # glibc aligns the arena of a thread to this (HEAP_MAX_SIZE)


def _table(path):
    """{key: first word of the rest} of a file with "key: value" lines."""
    rows = (line.split(":", 1) for line in pathlib.Path(path).read_text().splitlines())
    return {row[0]: row[1].split()[0] for row in rows if len(row) == 2 and row[1].split()}


def threads(pid):
    """{thread id: name}"""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found[int(task.name)] = (task / "comm").read_text().strip()
    return found


def cpu_ns(pid):
    """{thread id: nanoseconds on a processor}"""
    times = {}
    for tid in threads(pid):
        text = pathlib.Path(f"/proc/{pid}/task/{tid}/schedstat").read_text()
        times[tid] = int(text.split()[0])
    if not any(times.values()):
        raise LabError("/proc/PID/schedstat counts nothing: a kernel without CONFIG_SCHED_INFO")
    return times


def wakeups(pid):
    """How often threads that live now went to sleep and were woken again."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int(_table(task / "status")["voluntary_ctxt_switches"]) for task in tasks)


def memory(pid):
    """Sizes in kB, as the kernel names them, and the number of threads."""
    rollup = _table(f"/proc/{pid}/smaps_rollup")
    status = _table(f"/proc/{pid}/status")
    return {
        "rss_kb": int(rollup["Rss"]),
        "pss_kb": int(rollup["Pss"]),
        "private_dirty_kb": int(rollup["Private_Dirty"]),
        "anonymous_kb": int(rollup["Anonymous"]),
        "locked_kb": int(status["VmLck"]),
        "threads": int(status["Threads"]),
    }


def stolen_s():
    """Seconds that the host gave to others while this machine's processors wanted to run."""
    return int(pathlib.Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


class Window:
    """What a process used between the making of the window and end(); slot() ends a slot."""

    def __init__(self, pid):
        self.pid = pid
        self.start = self._read()
        self.slots = []  # {thread id: ms/s}
        self.last = self.start["time"], self.start["cpu"]

    def slot(self):
        now, cpu = time.monotonic(), cpu_ns(self.pid)
        then, before = self.last
        self.slots.append(
            {tid: (ns - before.get(tid, 0)) / 1e6 / (now - then) for tid, ns in cpu.items()}
        )
        self.last = now, cpu

    def _read(self):
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return {
            "time": time.monotonic(),
            "cpu": cpu_ns(self.pid),
            "minor": int(stat[7]),
            "major": int(stat[9]),
            "written": int(_table(f"/proc/{self.pid}/io")["write_bytes"]),
            "heap": memory(self.pid)["anonymous_kb"],
        }

    def end(self):
        before, after = self.start, self._read()
        seconds = after["time"] - before["time"]
        names = threads(self.pid)
        if not self.slots:
            self.slot()
        by_thread = {
            f"{tid - self.pid}:{names.get(tid, '?')}": round(
                statistics.median(slot.get(tid, 0.0) for slot in self.slots), 4
            )
            for tid in after["cpu"]
        }
        used = sum(after["cpu"].values()) - sum(before["cpu"].get(tid, 0) for tid in after["cpu"])
        return {
            **memory(self.pid),
            "seconds": round(seconds, 2),
            "cpu_ms_s": round(statistics.median(sum(slot.values()) for slot in self.slots), 4),
            "cpu_mean_ms_s": round(used / 1e6 / seconds, 4),
            "cpu_ms_s_by_thread": by_thread,
            "minor_faults": after["minor"] - before["minor"],
            "major_faults": after["major"] - before["major"],
            "heap_growth_kb": after["heap"] - before["heap"],
            "written_bytes": after["written"] - before["written"],
        }


def _stack_pointers(pid):
    """{thread name: stack pointer} of all threads but the first."""
    found = {}
    for tid, name in threads(pid).items():
        words = pathlib.Path(f"/proc/{pid}/task/{tid}/syscall").read_text().split()
        if tid != pid and len(words) > 2:
            found[name] = int(words[-2], 16)
    return found


def _mapping_name(line, stacks, before):
    """A name for people: the file, or what an unnamed mapping is used for."""
    words = line.split(None, 5)
    low, high = (int(part, 16) for part in words[0].split("-"))
    path = words[5].strip() if len(words) == 6 else ""
    if path:
        name = os.path.basename(path).removesuffix(" (deleted)")
        return name, high, path.startswith("/")
    for name, pointer in stacks.items():
        if low <= pointer < high:
            return f"stack of thread {name}", high, False
    if low % ARENA_BYTES == 0:
        return "malloc arena of a thread", high, False
    if before and before[2] and before[1] == low:
        return before[0], high, False  # variables that start as zero follow those of the file
    return "other anonymous memory", high, False


def mappings(pid):
    """Where memory goes: [{name, rss_kb, constants_kb, data_kb}], largest private part first.

    constants_kb: private dirty pages that the program may not write: pointers that the dynamic
    linker filled in. data_kb: the other private dirty pages.
    """
    stacks = _stack_pointers(pid)
    rows, current, before = {}, None, None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            before = _mapping_name(line, stacks, before)
            name, writable = before[0], line.split()[1][1] == "w"
            current = rows.setdefault(
                name, {"name": name, "rss_kb": 0, "constants_kb": 0, "data_kb": 0}
            )
        elif line.startswith("Rss:"):
            current["rss_kb"] += int(line.split()[1])
        elif line.startswith("Private_Dirty:"):
            current["data_kb" if writable else "constants_kb"] += int(line.split()[1])
    key = lambda row: (row["data_kb"] + row["constants_kb"], row["rss_kb"])
    return sorted((row for row in rows.values() if row["rss_kb"]), key=key, reverse=True)


class Strace(Process):
    """strace attached to a process and its threads; options: what it shall do."""

    def __init__(self, scratch, name, pid, options):
        super().__init__(scratch, name)
        self.target = pid
        self.options = options
        self.output = scratch.path / f"{name}.out"

    def argv(self):
        return ["strace", "-f", *self.options, "-o", self.output, "-p", self.target]

    def ready(self):
        return "attached" in self.tail()

    def begin(self):
        self.start()
        self.began = time.monotonic()
        return self

    def finish(self):
        """Detaches; returns (text, seconds it watched)."""
        seconds = time.monotonic() - self.began
        self.signal(signal.SIGINT)
        self.wait()
        return self.output.read_text(), seconds


def count_calls(text, seconds):
    """{system call: calls per second} from the table of strace -c."""
    calls = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
            calls[words[-1]] = round(int(words[3]) / seconds, 2)
    return calls


def files_read(scratch, pid, seconds):
    """The kernel files that a process reads at least once a second, by watching it read."""
    trace = Strace(scratch, "strace-files", pid, ["-e", "trace=read,pread64,readv,preadv"])
    trace.begin()
    time.sleep(seconds)
    text, watched = trace.finish()
    counts = {}
    for number in re.findall(r"p?readv?(?:64)?\((\d+),", text):
        counts[number] = counts.get(number, 0) + 1
    files = []
    for number, count in counts.items():
        try:
            path = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        if count >= watched - 1 and path.startswith(("/proc/", "/sys/")):
            files.append(path.replace(f"/proc/{pid}/", "/proc/self/"))
    return files


def percentile(sorted_values, share):
    """The smallest value that at least this share of all does not exceed."""
    return sorted_values[max(0, -(-len(sorted_values) * share // 100) - 1)]


def run(*command):
    """Runs a program to its end; LabError with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise LabError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_connected(agent):
    """Until an agent's MQTT connection stands."""
    wait_until(
        lambda: agent.status()["notifiers"]["mqtt"].get("connected"), what="an MQTT connection"
    )
