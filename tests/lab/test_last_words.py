# SPDX-License-Identifier: MIT
"""Last words: from the kernel's line to the broker nothing is opened, resolved, forked or allocated.

The agent runs on a board of tests/roots with a kernel log that the test appends to; strace sees every
system call of both threads between the read of the line and the PUBLISH that carries the event.
"""

import json
import re
import shutil
import subprocess

import harness
import pytest
from mqtt_lab import is_topic, mqtt_config, wait_connected

LINES = {
    "swap-read-error": "3,{},{},-;Read-error on swap-device (179:2:3344640)",
    "swap-write-error": "1,{},{},-;Write-error on swap-device (179:2:3211264)",
    "fs-journal-abort": "3,{},{},-;Aborting journal on device mmcblk0p2-8.",
    "sd-removed": "6,{},{},-;mmc0: card 4567 removed",
    "oom-kill": "3,{},{},-;Out of memory: Killed process 812 (php) total-vm:98124kB",
    "kernel-panic": "0,{},{},-;Kernel panic - not syncing: Attempted to kill init!",
}
# What takes memory, files, names, connections or processes from a kernel that may have none.
FORBIDDEN = re.compile(
    r"\b(open|openat|openat2|creat|socket|connect|clone|clone3|fork|vfork|execve"
    r"|brk|mmap|mremap|mprotect|rename|renameat|unlink|mkdir|fsync|fdatasync)\("
)
IN_MEMORY = re.compile(r'"(proc|sys|dev|run)/|"/(proc|sys|dev|run)/|"\d+/stat"')


@pytest.fixture(name="root")
def copy_of_a_board(tmp_path):
    root = tmp_path / "root"
    shutil.copytree(harness.REPO / "tests/roots/pi3b", root, symlinks=True)
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev/kmsg").write_text("")
    return root


def watched(agent, log):
    """strace on a running agent, or a skipped test where nobody may trace."""
    tracer = subprocess.Popen(
        ["strace", "-f", "-s", "256", "-o", log, "-p", str(agent.pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = tracer.stderr.readline()
    if "attached" not in first:
        tracer.kill()
        tracer.wait()
        pytest.skip(f"strace: {first.strip()}")
    return tracer


def between(trace, kind, line):
    """The calls from the read of the line to the write of the event, both included."""
    text = line.split(";", 1)[1][:40]
    start = next(i for i, call in enumerate(trace) if text in call and "read" in call)
    end = next(
        i
        for i, call in enumerate(trace)
        if i > start and re.search(r"\b(write|send|sendto|sendmsg)\(", call) and kind in call
    )
    return trace[start : end + 1]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("kind", LINES)
def test_the_way_out(mosquitto, start_agent, root, tmp_path, kind):
    sub = mosquitto.subscriber()
    agent = start_agent(
        {**mqtt_config(mosquitto.port)}, options=("--root", root)
    )
    wait_connected(agent)
    sub.wait_for(is_topic("state", '"seq":2,'))
    log = tmp_path / "strace"
    tracer = watched(agent, log)
    line = LINES[kind].format(700, 90000000)
    with open(root / "dev/kmsg", "a", encoding="ascii") as kmsg:
        kmsg.write(line + "\n")
    event = json.loads(sub.wait_for(is_topic("event", kind))[2])
    assert (event["kind"], event["severity"]) == (kind, "critical")
    sub.wait_for(is_topic("weight", '"state":"hard"'))
    tracer.terminate()
    tracer.wait()
    calls = between(log.read_text(errors="replace").splitlines(), kind, line)
    taken = [call for call in calls if FORBIDDEN.search(call) and not IN_MEMORY.search(call)]
    assert not taken, "\n".join(calls)
