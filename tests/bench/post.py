# SPDX-License-Identifier: MIT
"""What a post costs: the agent's memory before, during and after, the poster's own, and its time.

Theory of operation: the service is the lab's, on loopback; it holds its answer back while memory is
looked at, so that everything that a post needs was needed by then (the handshake, and checking the
certificate against the system's whole list, which is what costs memory). Times are of the program by hand,
from its start to its end, and contain what the service (Python) takes for handshake and signature.
"""

import argparse
import json
import os
import pathlib
import sys
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from post_lab import PostingAgent
from post_loopback import Loopback
from post_service import Fault
from process import LabError, wait_until
from table import table

SYSTEM_CA = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
SETTLE_S = 3  # samples until the agent's memory is what it stays


def peak_kb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0])


def memory(pid):
    """Of a program that may not be dumpable: the finer numbers only for root."""
    found = {"peak_kb": peak_kb(pid)}
    try:
        return found | meter.memory(pid)
    except PermissionError:
        return found | {"rss_kb": None, "pss_kb": None, "private_dirty_kb": None}


class Bench:
    def __init__(self):
        self.service = Loopback()
        self.scratch = self.service.scratch
        # The system's list and ours: as long as what a poster has to read in real life.
        certificates = SYSTEM_CA.read_text() + self.service.ca.read_text()
        self.all_ca = self.scratch.file("all.pem", certificates)

    def poster(self, kind, own_ca):
        return self.service.poster(kind, **({} if own_ca else {kind: {"ca_file": self.all_ca}}))

    def agent(self):
        """Rows of the agent's memory around a post."""
        self.service.reset()
        poster = self.poster("x", False)
        self.service.faults = [Fault("hang", keep=True)]
        rows = {}
        agent = PostingAgent(self.scratch, poster)
        agent.configure({"post": {"text_start": "", "timeout": "10s"}})
        agent.start()
        try:
            time.sleep(SETTLE_S)
            rows["before"] = meter.memory(agent.pid)
            agent.ask("message", text="what does it cost?")
            wait_until(lambda: self.service.requests)
            rows["during"] = meter.memory(agent.pid)
            rows["its poster"] = memory(agent.poster_pid())
            wait_until(lambda: not agent.poster_pid(), 60)
            time.sleep(SETTLE_S)
            rows["after"] = meter.memory(agent.pid)
        finally:
            agent.close()
        return rows

    def poster_memory(self, kind, own_ca):
        self.service.reset()
        self.service.faults = [Fault("hang")]
        popen = self.poster(kind, own_ca).spawn("how large?")
        try:
            wait_until(lambda: self.service.requests)
            return memory(popen.pid)
        finally:
            popen.kill()
            popen.communicate()

    def times(self, kind, own_ca, count):
        """{p50_ms, p90_ms, max_ms, cpu_ms} of posts one after the other."""
        self.service.reset()
        poster = self.poster(kind, own_ca)
        took_ms, cpu_ms = [], []
        for number in range(count):
            before = time.monotonic()
            popen = poster.spawn(f"number {number}", f"bench-{number}")
            popen.stdout.read()
            _, status, usage = os.wait4(popen.pid, 0)
            took_ms.append((time.monotonic() - before) * 1000)
            cpu_ms.append((usage.ru_utime + usage.ru_stime) * 1000)
            popen.returncode = os.waitstatus_to_exitcode(status)
            popen.communicate()
            if popen.returncode != 0:
                raise LabError(f"post {number} ended with {popen.returncode}")
        return {
            "posts": count,
            "p50_ms": meter.percentile(sorted(took_ms), 50),
            "p90_ms": meter.percentile(sorted(took_ms), 90),
            "max_ms": max(took_ms),
            "cpu_p50_ms": meter.percentile(sorted(cpu_ms), 50),
        }


def measure(count):
    bench = Bench()
    try:
        found = {"agent": bench.agent(), "poster": []}
        for kind in "x", "mastodon":
            for own_ca in False, True:
                row = {"service": kind, "certificates": "one" if own_ca else "the system's"}
                row |= bench.poster_memory(kind, own_ca) | bench.times(kind, own_ca, count)
                found["poster"].append(row)
        return found
    finally:
        bench.service.close()


def report(found):
    keys = ["rss_kb", "private_dirty_kb", "pss_kb"]
    rows = [[f"agent {what}", *(row[key] for key in keys)] for what, row in found["agent"].items()]
    rows = [row for row in rows if row[0] != "agent its poster"]
    lines = table(["kB", "RSS", "private\ndirty", "PSS"], rows)
    header = ["service", "trusted", "peak RSS\nkB", "private\ndirty kB", "PSS\nkB", "posts"]
    header += ["p50\nms", "p90\nms", "max\nms", "CPU p50\nms"]
    keys = ["service", "certificates", "peak_kb", "private_dirty_kb", "pss_kb", "posts"]
    keys += ["p50_ms", "p90_ms", "max_ms", "cpu_p50_ms"]
    return [*lines, "", *table(header, [[row[key] for key in keys] for row in found["poster"]])]


def main():
    parser = argparse.ArgumentParser(description="what a post costs")
    parser.add_argument("--quick", action="store_true", help="fewer posts")
    parser.add_argument("--json", metavar="FILE", help="the same as JSON")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"hostingpi bench-post: {os.cpu_count()} processors, load {load:.2f} at the start")
    try:
        found = measure(25 if options.quick else 100)
    except (LabError, OSError) as error:
        print(f"could not be measured: {error}", file=sys.stderr)
        return 1
    print("\n".join(report(found)))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
