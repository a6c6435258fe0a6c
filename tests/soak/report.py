# SPDX-License-Identifier: MIT
"""What a soak found, as lines for people and as a document for programs."""

import collections
import statistics

import where  # noqa: F401 (makes the lab's modules importable)
from soak import BOUNDS
from table import table

ROWS = ("start", "1st quarter", "half", "3rd quarter", "end")
KEYS = "rss_kb private_dirty_kb anon_kb heap_kb descriptors_all threads children disk_bytes cpu_s".split()
HEAD = ["calm at", "at\ns", "RSS\nkB", "private\ndirty kB", "anon.\nkB", "heap\nkB", "descr."]
HEAD += ["threads", "children", "disk\nbytes", "CPU\ns"]
STOPPED_MS = 3000  # a stopped agent needs a moment
MOST_TEXTS = 30


def quarters(soak):
    rows = []
    for name, share in zip(ROWS, (0, 0.25, 0.5, 0.75, 1)):
        looks = soak.around(share)
        if looks:
            middles = [statistics.median(look[key] for look in looks) for key in KEYS]
            when = statistics.median(look["t"] for look in looks)
            rows.append([name, round(when), *(round(value, 2) for value in middles)])
    return rows


def growth(soak):
    """[(kB more than at the first quarter, where)] of anonymous memory, largest first."""
    if not soak.calm:
        return []
    first, last = soak.around(0.25)[0]["places"], soak.calm[-1]["places"]
    rows = [(kb - first.get(name, 0), name) for name, kb in last.items()]
    return sorted((row for row in rows if row[0]), reverse=True)


def gaps(soak):
    """Sampling gaps: seconds of all; and those while the agent was not stopped, as documents."""
    found, unexplained = [], []
    for begin, end in soak.world.ledger.gaps():
        found.append((end - begin) / 1000)
        stops = soak.world.stops
        if not any(begin < stop[1] + STOPPED_MS and end > stop[0] for stop in stops):
            ours = [late for at, late in soak.world.late if begin < at < end + STOPPED_MS]
            t = begin / 1000 - soak.wall
            row = {"t": round(t, 1), "seconds": (end - begin) / 1000, "soak_late_ms": max(ours, default=0)}
            unexplained.append({**row, "trouble": trouble_at(soak, t)})
    return found, unexplained


def trouble_at(soak, t):
    """What was going on, or had gone on last."""
    names = [row["faults"] for row in soak.troubles if row["t"] <= t]
    return " and ".join(names[-1]) if names else "start"


def late(soak):
    """The most that the loop was late while the agent was not stopped, in milliseconds, and amid what."""
    worst = (0, "", 0)
    for ts, late_ms in soak.world.ledger.late_ms:
        if not any(stop[0] <= ts < stop[1] + STOPPED_MS for stop in soak.world.stops):
            ours = [own for at, own in soak.world.late if abs(at - ts) < STOPPED_MS]
            worst = max(worst, (late_ms, trouble_at(soak, ts / 1000 - soak.wall), max(ours, default=0)))
    return worst


def document(soak):
    ledger, status = soak.world.ledger, getattr(soak, "status", {})
    mqtt = status.get("notifiers", {}).get("mqtt", {})
    all_gaps, unexplained = gaps(soak)
    hours = soak.now() / 3600
    return {
        "seed": soak.seed,
        "seconds": round(soak.now()),
        "passed": not soak.failures,
        "failures": soak.failures,
        "bounds": BOUNDS,
        "calm": soak.calm,
        "looks": soak.looks,
        "troubles": soak.troubles,
        "samples": {
            "taken": status.get("seq"),
            "came": len(ledger.samples),
            "missing": ledger.missing_samples(),
            "from_history": ledger.from_history,
            "twice": ledger.repeated,
            "thinned": mqtt.get("samples_thinned"),
        },
        "events": {
            "came": len(ledger.events),
            "missing": ledger.missing_events(),
            "dropped": mqtt.get("events_dropped"),
            "kinds": collections.Counter(ledger.events.values()),
        },
        "gaps_s": all_gaps,
        "gaps_unexplained": unexplained,
        "loop_late_ms": late(soak),
        "stops": len(soak.world.stops),
        "load": soak.world.counts,
        "log": [
            {"text": text, "lines": lines, "per_hour": round(lines / hours, 1),
             "most_in_one_trouble": soak.journal.most[text][0]}
            for text, lines in soak.journal.all.most_common()
        ],
        "notifiers": status.get("notifiers"),
    }


def lines(soak, found):
    rows = quarters(soak)
    kinds = soak.calm[-1]["descriptors"] if soak.calm else {}
    samples, events = found["samples"], found["events"]
    played = collections.Counter(name for row in soak.troubles for name in row["faults"])
    slowest = sorted((row for row in soak.troubles if row["well_after_s"] is not None),
                     key=lambda row: -row["well_after_s"])[:3]
    out = ["", *table(HEAD, rows), "", f"Descriptors at the end: {kinds}"]
    out += [f"Grew since the first quarter: {kb} kB at {name}" for kb, name in growth(soak)[:6]]
    out += [f"Troubles: {len(soak.troubles)}, with {sum(played.values())} faults of {len(played)} kinds; "
            f"calm looks: {len(soak.calm)}"]
    out += [f"Slowest to be well: {', '.join(row['faults'])}: {row['well_after_s']} s" for row in slowest]
    out += [f"Samples: {samples['taken']} taken, {samples['came']} came ({samples['from_history']} on history, "
            f"{samples['twice']} twice), {len(samples['missing'])} missing, {samples['thinned']} thinned"]
    out += [f"Events: {events['came']} came, {len(events['missing'])} missing, {events['dropped']} dropped"]
    out += [f"Sampling gaps: {len(found['gaps_s'])}, of these {len(found['gaps_unexplained'])} while the agent "
            f"was not stopped"]
    out += [f"  {row['seconds']} s at {row['t']} s, amid {row['trouble']}; this program was late by "
            f"{row['soak_late_ms']} ms" for row in found["gaps_unexplained"][:5]]
    late_ms, trouble, own = found["loop_late_ms"]
    out += [f"Loop late by {late_ms:.0f} ms at most while not stopped ({trouble or 'never above 100'}; this "
            f"program then by {own} ms)"]
    out += [f"Load: {', '.join(f'{key} {value}' for key, value in sorted(found['load'].items()))}"]
    out += ["", "Log lines by text (all, per hour, most in one trouble):"]
    for row in found["log"][:MOST_TEXTS]:
        out.append(f"{row['lines']:6} {row['per_hour']:8} {row['most_in_one_trouble']:4}  {row['text']}")
    return out
