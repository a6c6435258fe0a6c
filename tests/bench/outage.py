# SPDX-License-Identifier: MIT
"""Section G: what the agent itself uses while the broker is in trouble, against calm.

Theory of operation: the scenarios of section C (stall.py), but nobody calls the agent, so that what is
counted is its own. All run side by side in the same seconds, calm ones among them, each in namespaces of
its own. The mean counts, because an outage is work in bursts: a call, then a pause. Rows over TLS are
compared with calm over TLS.
"""

import where  # noqa: F401 (makes the lab's modules importable)
from process import Scratch
from stall import CPU_SCENARIOS, SETTLE_S
from stalls import Isolated, not_possible
from table import ratio, table

BUDGET = 2.0  # times calm
CALM, CALM_TLS = "calm", "calm, over TLS"
QUICK_S, LONG_S = 30, 600


def measure(say, quick):
    reason = not_possible()
    if reason:
        return {"skipped": reason}
    seconds = QUICK_S if quick else LONG_S
    say(f"processor time while the broker is in trouble: {len(CPU_SCENARIOS)} at once, {seconds} s")
    scratch = Scratch("hostingpi-bench-")
    try:
        runs = [
            Isolated(scratch, f"outage{number}", what, seconds, ["cpu"])
            for number, what in enumerate(CPU_SCENARIOS)
        ]
        for run in runs:
            run.start()
        found = {run.what: run.result() for run in runs}
        errors = [f"{what}: {one['error']}" for what, one in found.items() if "error" in one]
        return {"seconds": seconds, "scenarios": found, "errors": errors}
    finally:
        scratch.close()


def _base(what, good):
    return good.get(CALM_TLS if "TLS" in what else CALM)


def _row(what, one, base):
    mqtt = sum(ms for name, ms in one["cpu_ms_s_by_thread"].items() if name.endswith(":mqtt"))
    against = ratio(one["cpu_mean_ms_s"], base["cpu_mean_ms_s"]) if base else None
    verdict = "" if against is None or what in (CALM, CALM_TLS) else "yes"
    if against is not None and against >= BUDGET:
        verdict = "NO"
    row = [what, one["cpu_mean_ms_s"], against, one["cpu_ms_s"], mqtt, one["wakeups_s"]]
    return [*row, one["samples"], one["log_lines"], one["heap_growth_kb"], verdict]


def report(found):
    lines = ["G. Processor time while the broker is in trouble"]
    if "skipped" in found:
        return [*lines, "", f"SKIPPED all of it: no namespaces here: {found['skipped']}"]
    scenarios = found["scenarios"]
    good = {what: one for what, one in scenarios.items() if "cpu_ms_s" in one}
    lines[0] += f" ({found['seconds']} s, {SETTLE_S} s after the start, side by side)"
    header = ["", "mean CPU\nms/s", "times\ncalm", "median\nms/s", "MQTT thread\nmedian ms/s"]
    header += ["wake-ups\n/s", "samples", "log\nlines", "heap\ngrowth kB", f"under\n{BUDGET:g} x"]
    rows = [_row(what, one, _base(what, good)) for what, one in good.items()]
    lines += ["", *table(header, rows), ""]
    for what, one in scenarios.items():
        if "error" in one:
            lines.append(f"FAILED {what}: {one['error']}")
        elif "skipped" in one:
            lines.append(f"SKIPPED {what}: {one['skipped']}")
        else:
            said = f": {one['mqtt_error']}" if one["mqtt_error"] else ""
            lines.append(f"  {what}: at the end {one['mqtt_state']}{said}")
    return lines
