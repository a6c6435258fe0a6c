# SPDX-License-Identifier: MIT
"""Section C: the loop answers and samples on time, whatever the broker or the resolver does.

Theory of operation: each scenario (stall.py) runs in namespaces of its own, made by unshare: as
root directly, as a user inside a user namespace. In each one a bare server and a bare timer are measured
beside the agent; what they show is this machine's noise. The short form runs all at once. The long
form runs one after the other, and when the bare timer was late as well, which says that the machine
was busy with something else, it tries again and keeps the quietest run.
"""

import json
import os
import subprocess
import sys

import where  # noqa: F401 (makes the lab's modules importable)
from process import Process, Scratch, program
from stall import SCENARIOS
from table import table

TRIES = 3
NOISE_MS = 5.0
UNSHARE_ROOT = ["unshare", "--net", "--mount"]
UNSHARE_USER = ["unshare", "--map-root-user", "--net", "--mount"]


class Isolated(Process):
    def __init__(self, scratch, name, what, seconds, mode=()):
        super().__init__(scratch, name)
        self.what = what
        self.seconds = seconds
        self.mode = mode
        self.output = scratch.path / f"{name}.json"

    def argv(self):
        python = [sys.executable, "-B", where.HERE / "stall.py"]
        return [*unshare(), *python, self.what, self.seconds, self.output, *self.mode]

    def result(self):
        self.wait(self.seconds + 90)
        if not self.output.exists():
            return {"error": self.tail(300).strip() or "ended without a result"}
        return json.loads(self.output.read_text())


def unshare():
    return UNSHARE_ROOT if os.geteuid() == 0 else UNSHARE_USER


def not_possible():
    """Why there are no namespaces here, or None."""
    for name in ("ip", "unshare", "mount", "mosquitto"):
        if program(name) is None:
            return f"{name} is not installed"
    done = subprocess.run([*unshare(), "true"], capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else None


def at_once(scratch, say, seconds):
    runs = [Isolated(scratch, f"stall{i}", what, seconds) for i, what in enumerate(SCENARIOS)]
    say(f"trouble with the broker: {len(runs)} scenarios of {seconds} s at once")
    for run in runs:
        run.start()
    return {run.what: run.result() for run in runs}


def noise_ms(one):
    return max(one["bare"]["late_ms"], one["bare"]["p99_ms"]) if "bare" in one else 0.0


def one_by_one(scratch, say, seconds):
    found = {}
    for number, what in enumerate(SCENARIOS):
        for attempt in range(1, TRIES + 1):
            say(f"{what}, {seconds} s" + (f", again ({attempt})" if attempt > 1 else ""))
            one = Isolated(scratch, f"stall{number}-{attempt}", what, seconds).start().result()
            if what not in found or noise_ms(one) < noise_ms(found[what]):
                found[what] = one
            found[what]["tries"] = attempt
            if noise_ms(one) < NOISE_MS:
                break
    return found


def measure(say, quick):
    reason = not_possible()
    if reason:
        return {"skipped": reason}
    seconds = 4 if quick else 15
    scratch = Scratch("hostingpi-bench-")
    try:
        found = (at_once if quick else one_by_one)(scratch, say, seconds)
        errors = [f"{what}: {one['error']}" for what, one in found.items() if "error" in one]
        return {"seconds": seconds, "scenarios": found, "errors": errors}
    finally:
        scratch.close()


def report(found):
    lines = ["C. While the broker or the resolver is in trouble"]
    if "skipped" in found:
        return [*lines, f"SKIPPED all of it: no namespaces here: {found['skipped']}"]
    scenarios = found["scenarios"]
    good = {what: one for what, one in scenarios.items() if "agent" in one}
    lines[0] += f" ({found['seconds']} s each; bare: the same done by a minimal program)"
    rows = []
    for what, one in good.items():
        agent, bare = one["agent"], one["bare"]
        rows.append(
            [what, agent["answers"], agent["failed"], agent["p50_ms"], agent["p99_ms"]]
            + [agent["max_ms"], bare["p99_ms"], bare["max_ms"], agent["loop_late_ms"]]
            + [bare["late_ms"], one["cpu_ms_s"], one["heap_growth_kb"], len(one["log"])]
            + [one.get("tries")]
        )
    header = ["", "answers", "failed", "p50\nms", "p99\nms", "max\nms", "bare\np99", "bare\nmax"]
    header += ["loop late\nmax ms", "bare timer\nlate ms", "CPU\nms/s", "heap\ngrowth kB"]
    if rows:
        lines += ["", *table([*header, "log\nlines", "tries"], rows), ""]
    for what, one in scenarios.items():
        if "error" in one:
            lines.append(f"FAILED {what}: {one['error']}")
        elif "skipped" in one:
            lines.append(f"SKIPPED {what}: {one['skipped']}")
        else:
            said = f": {one['mqtt_error']}" if one["mqtt_error"] else ""
            lines.append(f"  {what}: at the end {one['mqtt_state']}{said}")
    return lines
