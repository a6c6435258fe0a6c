# SPDX-License-Identifier: MIT
"""The table of the faults and the verdict over them.

Theory of operation: a verdict is about numbers of messages, lines and descriptors, and about
whether the fault bit at all. Times depend on what else this machine does: they are shown and judge
nothing. The same holds for processor time, but that a thread which never waits is found: it uses a
thousand times that of calm on any machine.
"""

import collections

from table import ratio, table

SPIN_MS_S = 100
SHORT_WORDS = {"online": "on", "offline": "off", None: "-"}

LEGEND = """\
samples, events: made from the calm before the fault until all was over; lost: never came to a
subscriber; hist: came on history; dup: came once more. log: lines of the agent about it (less than
5 wanted). check: the agent-check asked 20 times a second in calm, and from the fault's begin until
everything had arrived; late: of a sample, at most. CPU: of the agent during the fault : in calm
before it; worker: of its MQTT thread in calm and during. RSS, fds: growth. avail: last heard
before, during, after. back: from the fault's end to a connection, arrived: to the last of it."""


def complaints(fault, row):
    """Why this fault failed, in words; empty if it did not."""
    if "error" in row:
        return [f"broken: {row['error']}"]
    found = []
    known = row["ring_dropped"] + row["waiting"]
    if row["lost"] > (0 if fault.deliverable else known):
        where = f"{row['lost_seqs']}; the fault began at {row['at_begin']}"
        told = f"{row['ring_dropped']} dropped, {row['waiting']} waiting"
        found.append(f"{row['lost']} samples lost ({where}; told: {told})")
    if row["events_lost"]:
        found.append(f"{row['events_lost']} events lost ({row['lost_ids']})")
    if row["differ"]:
        found.append(f"{row['differ']} messages came again with another text")
    if len(row["log"]) >= fault.log_lines:
        found.append(f"{len(row['log'])} lines in the log")
    if row["check_failed"] or not row["check_answers"]:
        found.append(f"{row['check_failed']} polls of the agent-check failed")
    if more := grown_descriptors(row):
        found.append(f"still open: {', '.join(more)}")
    if row["worker_ms_s"][1] > SPIN_MS_S:
        found.append(f"its MQTT thread spins: {row['worker_ms_s'][1]:.0f} ms/s")
    before, during, after = row["availability"]
    if (before, after) != ("online", "online"):
        found.append(f"availability was {before} before and {after} after")
    if fault.availability and during != fault.availability:
        found.append(f"availability was {during} during it, not {fault.availability}")
    lost = not row["connected"] or row["connections"] > 0
    if fault.loses is not None and fault.loses != lost:
        found.append(f"the connection was {'lost' if lost else 'not lost'}")
    if fault.returns and not row["connected"]:
        found.append("no connection by another address")
    return found


def grown_descriptors(row):
    """What is open after the fault and was not before it."""
    before, after = (collections.Counter(names) for names in row["descriptors"])
    return sorted((after - before).elements())


def _cells(fault, row):
    if "error" in row:
        return [fault.name, *[None] * 21, "broken"]
    calm, during = row["cpu_ms_s"]
    return [
        fault.name,
        *(round(row["seconds"]), row["taken"], row["lost"], row["history"], row["duplicates"]),
        *(row["events"], row["events_lost"], row["event_duplicates"], len(row["log"])),
        *(row["check_calm_p99_ms"], row["check_p99_ms"], row["check_max_ms"]),
        *(row["check_failed"], row["late_ms"]),
        ratio(during, calm),
        " ".join(f"{value:.2f}" for value in row["worker_ms_s"]),
        *(row["rss_kb"][1] - row["rss_kb"][0], len(grown_descriptors(row))),
        " ".join(SHORT_WORDS[word] for word in row["availability"]),
        *(row["connected_s"], row["arrived_s"]),
        "FAILED" if complaints(fault, row) else "ok",
    ]


HEADER = [
    *("fault", "s", "samples", "lost", "hist", "dup", "events", "lost", "dup", "log"),
    *("calm\np99 ms", "check\np99 ms", "check\nmax ms", "check\nfailed", "late\nmax ms"),
    *("CPU", "worker\nms/s", "RSS\nkB", "fds", "avail", "back\ns", "arrived\ns", ""),
]


def report(found):
    """Lines for {fault: row}."""
    lines = table(HEADER, [_cells(fault, row) for fault, row in found.items()])
    lines += ["", *LEGEND.splitlines(), ""]
    for fault, row in found.items():
        lines += [f"FAILED {fault.name}: {text}" for text in complaints(fault, row)]
    return lines
