# SPDX-License-Identifier: MIT
"""A Pi and a host full of strangers, for the lab's short form and for `make bench-junk`.

    pi 2001:db8::1, 192.0.2.1 (agent, two HAProxys, callers) --- strangers ::2 ::3, .2 .3

Theory of operation: two network namespaces (nat64_lab.Host). Two HAProxys ask the agent with agent-check
and with httpchk, one over IPv6 and one over IPv4; a program (tests/bench/callers.py) makes the same polls
and measures them. Meanwhile the strangers open their connections (junk_crowd.py) and hold them.
"""

import json
import os
import pathlib
import sys
import threading
import time

import harness
from nat64_lab import Host
from process import Process, wait_until

TARGETS = ("2001:db8::1", "192.0.2.1")
SOURCES = ("2001:db8::2", "2001:db8::3", "192.0.2.2", "192.0.2.3")
HERE = pathlib.Path(__file__).resolve().parent
CALLERS, RATE = 4, 5.0
CHECKS = """ timeout check 3s
 option httpchk GET /health
 http-check expect status 200"""


class Program(Process):
    """A program of ours inside a host, with its answer as JSON."""

    def __init__(self, scratch, name, host, words):
        super().__init__(scratch, name)
        self.words = [*host.inside(), sys.executable, "-B", *words]

    def argv(self):
        return self.words

    def answer(self, timeout):
        self.wait(timeout)
        return json.loads(self.tail(10_000_000).splitlines()[-1])


class Balancer(harness.Haproxy):
    """In the namespace of the Pi: only its runtime socket can be reached from here."""

    def __init__(self, scratch, host, name, pi):
        super().__init__(scratch, [pi], name=name, agent_inter="200ms", extra=CHECKS)
        self.host = host

    def argv(self):
        return [*self.host.inside(), *super().argv()]

    def ready(self):
        return self.socket.exists()


class Watcher(threading.Thread):
    """What the balancers think of their checks, and what the agent takes, several times a second."""

    def __init__(self, agent, balancers):
        super().__init__(daemon=True)
        self.agent, self.balancers = agent, balancers
        self.over = threading.Event()
        self.bad, self.late, self.descriptors, self.rss_kb = [], {}, [], []
        self.looks = 0

    def look(self):
        for balancer in self.balancers:
            row = balancer.stat()["pool", "pi"]
            words = [row[key].removeprefix("* ") for key in ("agent_status", "check_status")]
            if words[0] != "L7OK" or words[1] not in ("L7OK", "L7OKC") or row["status"] != "UP":
                self.bad.append((balancer.name, row["status"], *words))
        status = self.agent.status()
        self.late[status["seq"]] = status["state"]["self"].get("loop_late_ms", 0)
        self.descriptors.append(len(os.listdir(f"/proc/{self.agent.pid}/fd")))
        self.rss_kb.append(self.agent.memory_bytes() // 1024)
        self.looks += 1

    def run(self):
        while not self.over.wait(0.1):
            self.look()

    def end(self):
        self.over.set()
        self.join()
        return {
            "bad_checks": self.bad,
            "loop_late_ms": max(self.late.values(), default=None),
            "descriptors": max(self.descriptors, default=None),
            "rss_kb": max(self.rss_kb, default=None),
            "looks": self.looks,
        }


def failures(balancers):
    """Checks that failed in all, as the balancers count them."""
    return sum(int(one.stat()["pool", "pi"]["chkfail"] or 0) for one in balancers)


def percentile(values, percent):
    return values[min(len(values) - 1, len(values) * percent // 100)] / 1000 if values else None


class Lab:
    def __init__(self, scratch):
        self.scratch = scratch
        self.pi = Host(scratch, "pi").start()
        self.strangers = Host(scratch, "strangers").start()
        ends = f"link add eth0 type veth peer name eth0 netns {self.strangers.pid}"
        addresses = [f"addr add {TARGETS[0]}/64 dev eth0 nodad"]
        addresses += [f"addr add {TARGETS[1]}/24 dev eth0"]
        self.pi.ip("link set lo up", ends, *addresses, "link set eth0 up")
        addresses = [f"addr add {one}/64 dev eth0 nodad" for one in SOURCES[:2]]
        addresses += [f"addr add {one}/24 dev eth0" for one in SOURCES[2:]]
        self.strangers.ip("link set lo up", *addresses, "link set eth0 up")
        self.agent = harness.Agent(scratch, wrapper=self.pi.inside())
        for section, port in (("haproxy", self.agent.agent_port), ("http", self.agent.http_port)):
            self.agent.configure({section: {"listen": f":{port}"}})
        self.agent.start()
        wait_until(lambda: self.agent.status()["seq"] >= 2, what="two samples")
        self.balancers = [self._balancer(number) for number in range(2)]
        for one in self.balancers:
            wait_until(lambda one=one: one.status("pi") == "UP", what=f"{one.name} to be content")

    def _balancer(self, number):
        address = ("[::1]", "127.0.0.1")[number]
        pi = {
            "name": "pi",
            "port": self.agent.http_port,
            "agent_port": self.agent.agent_port,
            "agent_family": (harness.socket.AF_INET6, harness.socket.AF_INET)[number],
            "agent_send": f"lb{number + 1}/pool",
            "extra": f"inter 200ms port {self.agent.http_port} addr {address}",
        }
        return Balancer(self.scratch, self.pi, f"lb{number + 1}", pi).start()

    def callers(self, tag, seconds):
        words = [HERE.parent / "bench/callers.py", "call", "--port", self.agent.agent_port]
        words += ["--seconds", seconds, "--rate", RATE, "--callers", CALLERS]
        return Program(self.scratch, f"callers-{tag}", self.pi, words).spawn()

    def crowd(self, tag, count, rate, hold_s):
        words = [HERE / "junk_crowd.py", "--count", count, "--rate", rate, "--hold", hold_s]
        for target in TARGETS:
            for port in (self.agent.agent_port, self.agent.http_port):
                words += ["--target", f"{target}@{port}"]
        for source in SOURCES:
            words += ["--source", source]
        return Program(self.scratch, f"crowd-{tag}", self.strangers, words).spawn()

    def measure(self, tag, seconds, crowd=None):
        """One phase: polls, watched; crowd: what the strangers do meanwhile, as crowd() takes it."""
        before = failures(self.balancers)
        watcher = Watcher(self.agent, self.balancers)
        junk = self.crowd(tag, *crowd) if crowd else None
        callers = self.callers(tag, seconds)
        watcher.start()
        polls = callers.answer(seconds + 120)
        found = watcher.end()
        values = polls["latencies_us"]
        found |= {
            "answers": len(values) - polls["failed"],
            "failed": polls["failed"],
            "p50_ms": percentile(values, 50),
            "p99_ms": percentile(values, 99),
            "max_ms": values[-1] / 1000,
            "balancer_failures": failures(self.balancers) - before,
        }
        if junk:
            found["junk"] = junk.answer(120)
        return found

    def settle(self):
        """Until nobody of the crowd is left in the agent."""
        quiet = lambda: len(os.listdir(f"/proc/{self.agent.pid}/fd")) <= self.before + 6  # noqa: E731
        wait_until(quiet, timeout=90, what="the agent to let go of the crowd")

    def phases(self, count, rate, calm_s, hold_s):
        """Before, during and after."""
        self.before = len(os.listdir(f"/proc/{self.agent.pid}/fd"))
        opening_s = count / rate
        found = {"before": self.measure("before", calm_s)}
        found["during"] = self.measure("during", opening_s + hold_s, (count, rate, hold_s))
        time.sleep(2.5)  # what lingers in agent-check
        self.settle()
        found["after"] = self.measure("after", calm_s)
        return found
