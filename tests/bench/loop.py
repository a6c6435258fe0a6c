# SPDX-License-Identifier: MIT
"""Section D: how long a change of memory takes to become a weight in HAProxy.

Theory of operation: each Pi is an agent with a made-up /proc that is calm, and a HAProxy asks
several of them. At a random moment a Pi's meminfo is rewritten in one write, from plenty to just
above the reserve; from then on the time runs until the runtime socket shows a lower weight. Then
the agent is killed and started anew, because a weight comes back slowly on purpose, and the next
change waits until HAProxy shows 100 again. What the two clocks allow at most is the agent's sample
period plus HAProxy's agent-inter; the rest is scheduling. All Pis of both intervals run at the same
time; one loop looks at both balancers every few milliseconds, which is the resolution.
"""

import os
import random
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from harness import Agent, Haproxy
from process import DEADLINE_S, LabError, Scratch, free_port
from table import table

INTERS_MS = (500, 2000)
PIS = 5  # for each of them
CHANGES = (10, 45)  # quick, long: for each of them
LOOK_S = 0.004
TOTAL_KB = 2_000_000
PLENTY_KB = 1_500_000
LITTLE_KB = 410_000  # the reserve is a fifth of all
CAP = 20


class Pi:
    """One agent and where it is in its cycle: calm, due, fallen."""

    def __init__(self, scratch, number, sample_ms):
        self.name = f"pi{number}"
        self.sample_s = sample_ms / 1000
        self.meminfo = scratch.file(f"{self.name}/proc/meminfo", "")
        scratch.file(f"{self.name}/sys/empty", "")
        scratch.file(f"{self.name}/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
        self.write(PLENTY_KB)
        config = {"control": {"cap": CAP, "worker_size": "32M"}, "requests": {"source": "none"}}
        config["agent"] = {"interval": f"{sample_ms}ms"}
        options = ("--root", scratch.path / self.name)
        self.agent = Agent(scratch, config, name=f"agent-{self.name}", options=options)
        self.agent.start()
        self.enter("calm")

    def write(self, free_kb):
        rows = {"MemTotal": TOTAL_KB, "MemFree": free_kb, "MemAvailable": free_kb}
        rows |= {"Active(file)": 0, "Inactive(file)": 0, "Dirty": 0, "Writeback": 0}
        rows |= {"SReclaimable": 0, "SwapTotal": 0, "SwapFree": 0}
        text = "".join(f"{key + ':':<16}{value:>10} kB\n" for key, value in rows.items())
        fd = os.open(self.meminfo, os.O_WRONLY)
        os.pwrite(fd, text.encode(), 0)
        os.close(fd)

    def enter(self, phase):
        self.phase = phase
        self.since = time.monotonic()

    def begin_again(self):
        self.agent.kill()
        self.write(PLENTY_KB)
        self.agent.spawn()  # start() would wait for it, and look at no other Pi meanwhile
        self.enter("calm")

    def step(self, weight, inter_s):
        """What HAProxy shows now moves the cycle on; returns the seconds of a change that ended."""
        now = time.monotonic()
        if now > self.since + DEADLINE_S:
            text = f"{self.name} stays {self.phase} with weight {weight}"
            raise LabError(f"{text}\n{self.agent.tail()}")
        if self.phase == "calm":
            if weight == 100:
                # A second sample first; then any phase of both clocks is as likely as any other.
                self.enter("due")
                wait_s = self.sample_s + random.uniform(0, self.sample_s + inter_s)
                self.at = self.since + wait_s
        elif self.phase == "due":
            if now >= self.at:
                self.enter("fallen")
                self.write(LITTLE_KB)
        elif weight < 100:
            took = now - self.since
            self.begin_again()
            return took
        return None


class Group:
    """The Pis that one HAProxy asks at one interval."""

    def __init__(self, scratch, inter_ms, sample_ms):
        self.inter_s = inter_ms / 1000
        self.pis = {}
        for number in range(PIS):
            pi = Pi(scratch, f"{number}of{inter_ms}", sample_ms)
            self.pis[pi.name] = pi
        port = free_port()  # nobody is there: only the weights count
        servers = [
            {"name": name, "port": port, "agent_port": pi.agent.agent_port, "check": False}
            for name, pi in self.pis.items()
        ]
        self.haproxy = Haproxy(
            scratch, servers, name=f"lb{inter_ms}", agent_inter=f"{inter_ms}ms"
        ).start()
        self.took_s = []

    def look(self):
        rows = self.haproxy.servers_state()
        for name, pi in self.pis.items():
            took = pi.step(int(rows[name]["srv_uweight"]), self.inter_s)
            if took is not None:
                self.took_s.append(took)


def summary(took_s, inter_ms, sample_ms):
    times = sorted(value * 1000 for value in took_s)
    clocks = inter_ms + sample_ms
    return {
        "changes": len(times),
        "p50_ms": round(meter.percentile(times, 50)),
        "p90_ms": round(meter.percentile(times, 90)),
        "p99_ms": round(meter.percentile(times, 99)),
        "max_ms": round(times[-1]),
        "sample_ms": sample_ms,
        "inter_ms": inter_ms,
        "beyond": sum(value > clocks for value in times),
        "beyond_ms": round(max(times[-1] - clocks, 0)),
        "times_ms": [round(value) for value in times],
    }


def measure(say, quick, sample_ms=1000):
    wanted = CHANGES[0 if quick else 1]
    say(f"from memory to weight, {wanted} changes at each of {len(INTERS_MS)} intervals")
    scratch = Scratch("hostingpi-bench-")
    try:
        groups = {inter: Group(scratch, inter, sample_ms) for inter in INTERS_MS}
        while busy := [group for group in groups.values() if len(group.took_s) < wanted]:
            for group in busy:
                group.look()
            time.sleep(LOOK_S)
        return {
            "intervals": [
                summary(group.took_s, inter, sample_ms) for inter, group in groups.items()
            ]
        }
    finally:
        scratch.close()


def report(found):
    header = ["agent-inter", "changes", "p50\nms", "p90\nms", "p99\nms", "max\nms"]
    header += ["sample period\n+ agent-inter ms", "beyond\nthat", "by at\nmost ms"]
    rows = []
    for one in found["intervals"]:
        row = [f"{one['inter_ms']} ms"]
        row += [one[key] for key in ("changes", "p50_ms", "p90_ms", "p99_ms", "max_ms")]
        rows.append([*row, one["sample_ms"] + one["inter_ms"], one["beyond"], one["beyond_ms"]])
    title = "D. From a change of memory to a lower weight in HAProxy, from calm"
    return [title, "", *table(header, rows)]
