# SPDX-License-Identifier: MIT
"""What became of each fault: its course, the table, and the verdict.

Theory of operation: a verdict asks what was told, and whether that was before the panic; how long it
took is printed beside the budget and judges nothing, as this machine may be busy. Events named
"state" are decisions, all others are incidents.
"""

BUDGET_MS = 1000  # first line of the kernel -> event outside, and hard at the balancer
COURSE_LINES = 12

COLUMNS = (
    ("arm", "{:<16}"),
    ("first kernel line", "{:<44.43}"),
    ("incident", "{:<17}"),
    ("event ms", "{:>8}"),
    ("hard ms", "{:>8}"),
    ("panic ms", "{:>9}"),
    ("< 1 s", "{:>6}"),
    ("", "  {}"),
)
LEGEND = """\
event: came to a subscriber outside; hard: an agent-check answer said so (asked each 500 ms); both after
the kernel's first line by its own clock, or after the fault began where it says nothing (slow). panic:
the kernel's line. -: did not happen."""


def is_hard(line):
    """Whether this answer to an agent-check says that the hard level is reached."""
    return "# hard" in line


def _event(row, arm):
    return next((event for event in row["events"] if event[1] in arm.kinds), None)


def _incidents(row):
    return [event for event in row["events"] if event[1] != "state"]


def _hard(row):
    """The first answer after the first sign of the fault that says it."""
    return next((answer for answer in row["answers"] if answer[0] >= 0 and is_hard(answer[1])), None)


def complaints(row, arm):
    """Why this arm failed, in words; empty if it did not."""
    if "error" in row:
        return ["broken: " + row["error"].splitlines()[0]]
    event, hard = _event(row, arm), _hard(row)
    found = []
    if arm.kinds and not event:
        found.append(f"no event {' or '.join(arm.kinds)}")
    if not arm.kinds:
        found += [f"told of {incident[1]}" for incident in _incidents(row)]
        failed, *words = row["played"] or ["0"]
        if int(failed) < 2 or words != ["same"]:
            found.append(f"{failed} requests failed, file {' '.join(words) or 'differs'}")
    if arm.hard and not hard:
        found.append("hard was not told")
    if arm.panics and row["panic_ms"] is None:
        found.append("no panic")
    if row["panic_ms"] is not None:
        late = [what for what, at in (("event", event), ("hard", hard)) if at and at[0] > row["panic_ms"]]
        found += [f"{what} after the panic" for what in late]
    return found


def _remarks(row, arm):
    event, hard = _event(row, arm), _hard(row)
    remarks = []
    if hard:
        remarks.append(hard[1].partition("# ")[2])
    if event and row["panic_ms"] is not None:
        remarks.append(f"margin {row['panic_ms'] - event[0]} ms")
    if not arm.kinds:
        remarks.append(f"{row['played'][0] if row['played'] else 'no'} requests failed")
    if row["latency_max_ms"] > BUDGET_MS:
        remarks.append(f"write latency {row['latency_max_ms']} ms")
    others = {incident[1] for incident in _incidents(row)} - {event and event[1]}
    if others:
        remarks.append("also " + " ".join(sorted(others)))
    return remarks


def _line(row, arm):
    found = complaints(row, arm)
    if "error" in row:
        return f"{row['arm']:<16}{found[0]}"
    event, hard = _event(row, arm), _hard(row)
    wanted = [event, hard] if arm.hard else [event]
    within = "-"  # nothing to tell, or no line to count from
    if arm.says:
        within = "yes" if all(told and told[0] < BUDGET_MS for told in wanted) else "no"
    cells = (
        row["arm"],
        row["first"] or "-",
        event[1] if event else "-",
        event[0] if event else "-",
        hard[0] if hard else "-",
        "-" if row["panic_ms"] is None else row["panic_ms"],
        within,
        "; ".join([*(word.upper() for word in found), *_remarks(row, arm)]),
    )
    return "".join(form.format(cell) for (_, form), cell in zip(COLUMNS, cells)).rstrip()


def _changes(answers):
    """Answers that differ from the one before."""
    return [now for before, now in zip([(0, None), *answers], answers) if before[1] != now[1]]


def course(row, arm):
    """What was seen, in the order of time."""
    if "error" in row:
        return f"\n{row['arm']}: {row['error']}"
    kernel = [(at, f"kernel  {text}") for at, text in row["lines"]]
    left = len(kernel) - COURSE_LINES
    panic = [line for line in kernel[COURSE_LINES:] if "Kernel panic" in line[1]]
    seen = kernel[:COURSE_LINES] + panic
    seen += [(at, f"event   {kind} ({severity}): {text}") for at, kind, severity, text in row["events"]]
    seen += [(at, f"answer  {line}") for at, line in _changes(row["answers"])]
    lines = [f"{at:8d} ms  {text}" for at, text in sorted(seen, key=lambda line: line[0])]
    if left > 0:
        lines.append(f"            {left} more lines of the kernel")
    head = f"{arm.name}: {arm.about} ({row['board']}; kernel's times ± {row['precision_ms']} ms)"
    return "\n".join(["", head, *lines])


def report(rows, arms):
    """(all well, text)"""
    lines = ["", "".join(form.format(name) for name, form in COLUMNS).rstrip()]
    lines += [_line(row, arms[row["arm"]]) for row in rows]
    whole = [row for row in rows if "error" not in row]
    precision = max((row["precision_ms"] for row in whole), default=0)
    load = max((row["host_load"] for row in whole), default=0)
    lines += ["", LEGEND, f"Kernel's times are right within {precision} ms. Load of this machine: {load}."]
    well = not any(complaints(row, arms[row["arm"]]) for row in rows)
    return well, "\n".join(lines)
