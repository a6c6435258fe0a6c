# SPDX-License-Identifier: MIT
"""The table of the runs, and what may be said because of them.

Theory of operation: limits are fixed here, before any run. Nothing is claimed unless the load was
strong enough to make a machine without an agent swap (positive control). No run in n is no proof of
never: the true share of failures is below 3/n with 95 % confidence (exact bound where some failed).
"""

import math
import statistics

SWAP_LIMIT = 1_000_000  # bytes to the swap disk that still count as "did not swap"
CONTROL_LIMIT = 10_000_000  # what the arm without agent and cap must write
CONTROL_SHARE = 0.9  # in so many of its runs
FEW = 5  # fewer runs bound nothing worth saying
GOOD_LIMIT = 1.0  # whole pages per second: an agent that only shuts the door protects nothing
PROTECTED = ("ours", "ours-nopsi", "ours-2s", "ours-guard")

COLUMNS = (
    ("arm", "{:<11}"),
    ("runs", "{:>5}"),
    ("broken", "{:>7}"),
    ("swapped", "{:>8}"),
    ("MB to swap", "{:>16}"),
    ("good/s", "{:>7}"),
    ("5xx %", "{:>6}"),
    ("lost %", "{:>7}"),
    ("p99 s", "{:>6}"),
    ("weight", "{:>7}"),
    ("headroom", "{:>9}"),
    ("avail MB", "{:>9}"),
    ("return s", "{:>9}"),
)
LEGEND = """\
swapped: runs with more than 1 MB written to the swap disk, as QEMU counts it; MB to swap: median (most).
good/s, 5xx, lost, p99: while the crowd is there, medians over the runs; good: whole page within 10 s,
lost: no or no whole answer within 10 s. weight: lowest. headroom: lowest that the agent saw, MB; avail:
lowest MemAvailable. return: median seconds from the end of the foreign job until weight and cap are
back at 95 %; -: not within the run. broken: the guest died or its console did; counts as a failure."""


def upper_bound(failed, runs):
    """The share of failures that 95 % confidence leaves possible."""
    if failed == 0:
        return min(1.0, 3 / runs)
    if failed == runs:
        return 1.0
    low, high = failed / runs, 1.0
    for _ in range(50):
        share = (low + high) / 2
        at_most = sum(
            math.comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(failed + 1)
        )
        low, high = (share, high) if at_most > 0.05 else (low, share)
    return high


def _median(values, digits=1):
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.{digits}f}" if known else "-"


def _share(rows, key):
    return _median([100 * row["crowd"][key] / max(1, row["crowd"]["asked"]) for row in rows], 0)


def _line(arm, all_rows):
    rows = [row for row in all_rows if "error" not in row]
    if not rows:
        return f"{arm:<11}{len(all_rows):>5}{len(all_rows):>7}"
    swapped = [row["swap_bytes"] for row in rows]
    weights = [row["weight_min"] for row in rows if row["weight_min"] is not None]
    headrooms = [row["headroom_min_mb"] for row in rows if row["headroom_min_mb"] is not None]
    cells = (
        arm,
        len(all_rows),
        len(all_rows) - len(rows),
        sum(written > SWAP_LIMIT for written in swapped),
        f"{statistics.median(swapped) / 1e6:.1f} ({max(swapped) / 1e6:.1f})",
        _median([row["crowd"]["good_per_s"] for row in rows], 2),
        _share(rows, "refused"),
        _share(rows, "lost"),
        _median([row["crowd"]["p99_s"] for row in rows]),
        min(weights, default="-"),
        min(headrooms, default="-"),
        min(row["available_min_mb"] for row in rows),
        _median([row["return_s"] for row in rows]),
    )
    return "".join(form.format(cell) for (_, form), cell in zip(COLUMNS, cells))


def control(rows):
    """(held, sentence) of the positive control."""
    strong = sum(row.get("swap_bytes", 0) > CONTROL_LIMIT for row in rows)
    text = f"without agent and cap {strong} of {len(rows)} runs wrote more than 10 MB to swap"
    return bool(rows) and strong >= CONTROL_SHARE * len(rows), text


def claims(by_arm):
    """(all well, lines)."""
    held, text = control(by_arm.get("none", []))
    lines = [f"positive control: {text}"]
    if not held:
        lines.append("NO CLAIM: the load was too weak, or that arm was not run.")
        return False, lines
    well = True
    for arm in PROTECTED:
        rows = by_arm.get(arm, [])
        if not rows:
            continue
        limit = SWAP_LIMIT if len(rows) >= FEW else CONTROL_LIMIT
        failed = sum("error" in row or row["swap_bytes"] > limit for row in rows)
        idle = sum(
            "error" not in row and not (row["grown"] and row["crowd"]["good_per_s"] >= GOOD_LIMIT)
            for row in rows
        )
        if idle:
            lines.append(
                f"{arm}: in {idle} runs the job next door did not get its memory, or visitors got "
                f"fewer than {GOOD_LIMIT:g} pages/s: that is no protection"
            )
            well = False
        bound = f"95 %: at most {100 * upper_bound(failed, len(rows)):.0f} % of such runs would"
        lines.append(
            f"{arm}: {failed} of {len(rows)} runs broke or wrote more than {limit // 1000000} MB to swap "
            f"({bound if len(rows) >= FEW else 'too few runs for a bound'})"
        )
        well = well and failed == 0
    return well, lines


def report(rows, order):
    """(all well, text) of all results; order: names of arms."""
    by_arm = {}
    for row in rows:
        by_arm.setdefault(row["arm"], []).append(row)
    lines = ["".join(form.format(name) for name, form in COLUMNS)]
    lines += [_line(arm, by_arm[arm]) for arm in order if arm in by_arm]
    slowest = max((row.get("longest_pause_s", 0) for row in rows), default=0)
    load = max((row.get("host_load", 0) for row in rows), default=0)
    well, said = claims(by_arm)
    lines += ["", LEGEND, ""]
    lines.append(f"This machine: load up to {load}; longest pause between two samples {slowest} s.")
    return well, "\n".join([*lines, *said])
