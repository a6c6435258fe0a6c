# SPDX-License-Identifier: MIT
"""`make bench-junk`: 10,000 connections of junk at both ports, and what balancers notice of it.

Theory of operation: the lab's two namespaces (tests/lab/junk_lab.py), once with the whole crowd, before,
during and after. Nothing passes or fails by its numbers, but a check that failed at a real HAProxy does.
"""

import argparse
import json
import sys

import where  # noqa: F401 (makes the lab's modules importable)
import junk_lab
import nat64_lab
from process import LabError, Scratch
from table import table

KEYS = "answers failed p50_ms p99_ms max_ms loop_late_ms rss_kb descriptors".split()


def report(found, count, rate):
    header = ["", "answers", "failed", "p50\nms", "p99\nms", "max\nms", "loop late\nmax ms"]
    header += ["RSS\nkB", "descr."]
    rows = [[name, *(phase.get(key) for key in KEYS)] for name, phase in found.items()]
    junk = found["during"]["junk"]
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(junk["counts"].items()))
    looks = sum(phase["looks"] for phase in found.values())
    bad = sum(len(phase["bad_checks"]) for phase in found.values())
    failures = sum(phase["balancer_failures"] for phase in found.values())
    return [
        f"Agent-check: {junk_lab.CALLERS} callers at {junk_lab.RATE:g} Hz amid {count} junk "
        f"connections at {rate} a second, both ports, both families",
        "",
        *table(header, rows),
        "",
        f"Junk: {kinds}; {junk['held']} of them held at once, opened in {junk['opened_s']} s.",
        f"Two HAProxys, each with agent-check and httpchk every 200 ms: {failures} failed checks; "
        f"{looks} looks at them saw {bad} that were not fine.",
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="2,000 connections")
    parser.add_argument("--json", metavar="FILE", help="the same as JSON")
    options = parser.parse_args()
    reason = nat64_lab.why_no_namespaces()
    if reason:
        print(f"bench-junk: SKIPPED: {reason}")
        return 0
    count, rate, calm_s, hold_s = (2000, 1000, 5, 5) if options.quick else (10000, 1000, 15, 15)
    scratch = Scratch("hostingpi-bench-")
    try:
        found = junk_lab.Lab(scratch).phases(count, rate, calm_s, hold_s)
    except LabError as error:
        print(f"bench-junk: could not be measured: {error}")
        return 1
    finally:
        scratch.close()
    print("\n".join(report(found, count, rate)))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    bad = any(phase["bad_checks"] or phase["balancer_failures"] for phase in found.values())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
