# SPDX-License-Identifier: MIT
"""Section B: how fast the agent-check answers 8 balancers amid 1,000 junk connections a second.

Theory of operation: the same callers and the same junk (callers.py) meet the agent and afterwards a
program that only accepts, writes a line and closes (bare.c). While the agent is measured, callers
without junk ask the same program: if these wait as well, the machine was busy with something else,
and the long form tries again. Callers and junk are processes of their own, on both families.
"""

import json
import sys
import time

import where
import meter
from harness import Agent
from process import Process, Scratch, can_connect, free_port, wait_until
from subjects import Bare
from table import ratio, table

CALLERS = 8
RATE = 2.0
JUNK_RATE = 1000
P99_BUDGET_MS = 5.0
POLL_S = 0.5
LOOKS_PER_SLOT = 2
TRIES = 3
NOISE_MS = 5.0


class Program(Process):
    """callers.py with its answer as JSON."""

    def __init__(self, scratch, name, port, seconds, rate, callers=CALLERS):
        super().__init__(scratch, name)
        self.words = [name.split("-")[0], "--port", port, "--seconds", seconds, "--rate", rate]
        self.words += ["--callers", callers]
        self.seconds = seconds

    def argv(self):
        return [sys.executable, "-B", where.HERE / "callers.py", *self.words]

    def answer(self):
        self.wait(self.seconds + 30)
        return json.loads(self.tail(10_000_000))


def latency(answer):
    values = [value / 1000 for value in answer["latencies_us"]]
    return {
        "answers": len(values) - answer["failed"],
        "failed": answer["failed"],
        "p50_ms": meter.percentile(values, 50),
        "p99_ms": meter.percentile(values, 99),
        "max_ms": values[-1],
    }


class Lateness:
    """Collects loop_late_ms of every sample from the status."""

    def __init__(self, agent):
        self.agent = agent
        self.by_seq = {}
        self.look(keep=False)

    def look(self, keep=True):
        status = self.agent.status()
        if keep:
            self.by_seq[status["seq"]] = status["state"]["self"].get("loop_late_ms", 0)
        else:
            self.first = status["seq"]
        return status

    def watch(self, seconds, window):
        """Looks for seconds; ends a slot of the window each second."""
        deadline = time.monotonic() + seconds
        looks = 0
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, POLL_S))
            status = self.look()
            looks += 1
            if looks % LOOKS_PER_SLOT == 0:
                window.slot()
        return status

    def result(self):
        seen = {seq: late for seq, late in self.by_seq.items() if seq > self.first}
        return {"loop_late_ms": max(seen.values(), default=None), "samples": len(seen)}


def bare_port(scratch, name="bare-answer"):
    port = free_port()
    Bare(scratch, "answer", port, name=name).start()
    wait_until(lambda: can_connect(port), what="the bare server")
    return port


def meet(scratch, tag, port, seconds, watch):
    """Callers and junk at a port for seconds."""
    callers = Program(scratch, f"call-{tag}", port, seconds, RATE)
    junk = Program(scratch, f"junk-{tag}", port, seconds + 1, JUNK_RATE)
    junk.start()
    time.sleep(0.5)
    callers.start()
    watch(seconds)
    found = latency(callers.answer())
    made = junk.answer()
    found["junk_per_s"] = round(made["made"] / made["seconds"])
    return found


def meet_agent(scratch, tag, seconds, quiet_port):
    """An agent amid junk, and a bare server without any at the same time."""
    agent = Agent(scratch, {"requests": {"source": "none"}}, name=f"agent-{tag}").start()
    wait_until(lambda: agent.status()["seq"] >= 2, what="two samples")
    late, window = Lateness(agent), meter.Window(agent.pid)
    quiet = Program(scratch, f"call-quiet{tag}", quiet_port, seconds, RATE).start()
    watch = lambda seconds: late.watch(seconds, window)
    found = meet(scratch, f"agent{tag}", agent.agent_port, seconds, watch)
    used = window.end()
    found.update(late.result(), cpu_ms_s=used["cpu_ms_s"], rss_kb=used["rss_kb"])
    found["heap_growth_kb"] = used["heap_growth_kb"]
    haproxy = agent.status()["notifiers"]["haproxy"]
    agent.close()
    names = [one["name"] for one in haproxy["balancers"]]
    return {
        "agent": found,
        "quiet": latency(quiet.answer()),
        "balancers": len(names),
        "named": len([name for name in names if name]),
        "junk_counted": haproxy["junk"],
    }


def measure(say, quick):
    seconds, tries = (5, 1) if quick else (20, TRIES)
    scratch = Scratch("hostingpi-bench-")
    try:
        port, found = bare_port(scratch), None
        for attempt in range(1, tries + 1):
            say(f"agent-check amid junk, {seconds} s" + (", again" if attempt > 1 else ""))
            one = meet_agent(scratch, attempt, seconds, port)
            if not found or one["quiet"]["p99_ms"] < found["quiet"]["p99_ms"]:
                found = one
            found["tries"] = attempt
            if one["quiet"]["p99_ms"] < NOISE_MS:
                break
        say(f"a bare server amid junk, {seconds} s")
        found["bare"] = meet(scratch, "bare", port, seconds, time.sleep)
        return found
    finally:
        scratch.close()


ROWS = (
    ("hostingpid amid junk", "agent"),
    ("bare server at that time, no junk", "quiet"),
    ("bare server amid junk, afterwards", "bare"),
)


def report(found):
    lines = ["B. Agent-check: 8 callers at 2 Hz amid 1,000 junk connections a second, both", ""]
    lines[0] += " families"
    keys = "answers failed p50_ms p99_ms max_ms loop_late_ms junk_per_s cpu_ms_s rss_kb".split()
    header = ["", "answers", "failed", "p50\nms", "p99\nms", "max\nms", "loop late\nmax ms"]
    header += ["junk\n/s", "CPU\nms/s", "RSS\nkB"]
    rows = [
        [what, *(found[key].get(k) for k in keys)]
        for what, key in ROWS
    ]
    lines += table(header, rows)
    agent, bare = found["agent"], found["bare"]
    lines += [
        "",
        f"p99 is {ratio(agent['p99_ms'], bare['p99_ms'])} x that of the bare server amid junk and "
        f"{ratio(agent['p99_ms'], P99_BUDGET_MS)} of the budget of {P99_BUDGET_MS:g} ms; "
        f"tries: {found['tries']}.",
        f"Balancers in the table at the end: {found['balancers']}, {found['named']} of them by "
        f"name; heap growth {agent['heap_growth_kb']} kB.",
    ]
    return lines
