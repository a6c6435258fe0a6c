# SPDX-License-Identifier: MIT
"""Section F: one broker and a fleet of 10, 100 and 1,000 agents; then the broker goes away.

Theory of operation: one process simulates the agents (fleet.c), another one is the only subscriber
(fleet_watch.c); both write a record per message, and this module only counts them. The three share
this machine's processors with the broker, so the broker's share is told apart, and each row has how
late the load program was with its own messages: an age of which most is "sent late" says something
about the load program, not about the broker. All connections are to [::1].

The broker is killed with SIGKILL and keeps nothing. A sample counts as lost when neither state nor
history brought it to the subscriber; as missed when that was so because its agent was back before the
subscriber, to whom nobody keeps anything either.
"""

import collections
import pathlib
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from fleet_lab import DIAL, HISTORY, LOST, STATE, UP, Stage, now_us, raise_limit, record_messages
from process import Scratch, wait_until
from table import ratio, table

SIZES = (10, 100, 1000)
SETTLE_S = 3
BIN_US = 10_000  # in which arrivals are counted
CURVE_US = 100_000  # in which connections are counted
STEP_US = 1_000_000
SHORT_S, LONG_S, LONG_QUICK_S = 5, 60, 20  # how long the broker is gone
LATE_MS = 20  # the load program's p99 above that: it is the bottleneck
NETSTAT = pathlib.Path("/proc/net/netstat")


def spread_ms(records):
    """p50, p99 and maximum of the values of records."""
    values = sorted(record.value_us / 1000 for record in records)
    if not values:
        return {"p50": None, "p99": None, "max": None}
    found = {"p50": meter.percentile(values, 50), "p99": meter.percentile(values, 99)}
    return {key: round(value, 2) for key, value in {**found, "max": values[-1]}.items()}


def fullest(times_us, width_us):
    """How many of the times fall into the fullest stretch of that width (on a fixed grid)."""
    return max(collections.Counter(at // width_us for at in times_us).values(), default=0)


def crest(records, seconds):
    """Arrivals in the fullest 10 ms of the second, all seconds laid over each other, against the mean."""
    folded = collections.Counter(record.at_us % STEP_US // BIN_US for record in records)
    return round(max(folded.values()) / (len(records) * BIN_US / STEP_US), 1) if seconds else None


def overflows():
    """Connections that this machine did not take because a listener's queue was full."""
    lines = [line.split() for line in NETSTAT.read_text().splitlines() if line.startswith("TcpExt:")]
    return int(dict(zip(*lines))["ListenOverflows"])


def measure_steady(scratch, documents, agents, phases, seconds):
    stage = Stage(scratch, agents, documents, counters=True, phases=phases)
    time.sleep(SETTLE_S)
    programs = {"broker": stage.broker, "fleet": stage.fleet, "watch": stage.watch}
    windows = {name: meter.Window(process.pid) for name, process in programs.items()}
    before, since = stage.count(), now_us()
    time.sleep(seconds)
    after, until = stage.count(), now_us()
    used = {name: window.end() for name, window in windows.items()}
    time.sleep(0.5)  # until the records are in their files
    arrived = stage.watch.select(STATE, since, until)
    found = {
        "agents": agents,
        "phases": phases,
        "sent_s": round(len(stage.fleet.select(STATE, since, until)) / seconds, 1),
        "arrived_s": round(len(arrived) / seconds, 1),
        "document_bytes": round(sum(record.size for record in arrived) / len(arrived)),
        "broker_ms_s": used["broker"]["cpu_mean_ms_s"],
        "broker_rss_kb": used["broker"]["rss_kb"],
        "fleet_ms_s": used["fleet"]["cpu_mean_ms_s"],
        "watch_ms_s": used["watch"]["cpu_mean_ms_s"],
        "age_ms": spread_ms(arrived),
        "late_ms": spread_ms(stage.fleet.select(STATE, since, until)),
        "crest": crest(arrived, seconds),
    }
    for name, (at, value) in after.items():
        found[f"{name}_s"] = round((value - before[name][1]) / (at - before[name][0]), 1)
    stage.close()
    return found


def count_samples(stage, back):
    """What became of every sample that arrived or should have."""
    seen = collections.defaultdict(collections.Counter)
    for record in stage.watch.read():
        if record.kind != UP:
            seen[record.agent][record.seq] += 1
    early = {r.agent for r in stage.fleet.select(UP, back, stage.watch.select(UP, back)[0].at_us)}
    missing = {agent: max(seqs) - min(seqs) + 1 - len(seqs) for agent, seqs in seen.items()}
    return {
        "samples": sum(len(seqs) for seqs in seen.values()),
        "lost": sum(count for agent, count in missing.items() if agent not in early),
        "missed": sum(count for agent, count in missing.items() if agent in early),
        "twice": sum(count - 1 for seqs in seen.values() for count in seqs.values()),
    }


def waited(stage):
    """(agent, seq) of the newest samples that waited for a connection: late, but by nobody's fault."""
    found, connecting = set(), set()
    for record in stage.fleet.read():
        if record.kind == UP:
            connecting.add(record.agent)
        elif record.kind == STATE and record.agent in connecting:
            connecting.remove(record.agent)
            found.add((record.agent, record.seq))
    return found


def count_traffic(stage, since, until):
    """History and live messages while the fleet comes back."""
    old = waited(stage)
    live, sent = (
        [r for r in recorder.select(STATE, since, until) if (r.agent, r.seq) not in old]
        for recorder in (stage.watch, stage.fleet)
    )
    history = stage.watch.select(HISTORY, since, until)
    seconds = collections.Counter()
    size = collections.Counter()
    for record in history:
        seconds[record.at_us // STEP_US] += 1
        size[record.at_us // STEP_US] += record.size
    return {
        "history": len(history),
        "history_peak_s": max(seconds.values(), default=0),
        "history_peak_bytes_s": max(size.values(), default=0),
        "history_s": round((history[-1].at_us - history[0].at_us) / 1e6, 1) if history else 0,
        "age_ms": spread_ms(live),
        "late_ms": spread_ms(sent),
    }


def wait_quiet(stage):
    """Until no history came for two seconds."""

    def quiet():
        history = stage.watch.select(HISTORY)
        return not history or now_us() - history[-1].at_us > 2 * STEP_US

    wait_until(quiet, 600, what="the end of the history", pause=0.5)


def measure_outage(scratch, documents, agents, law, down_s):
    stage = Stage(scratch, agents, documents, law=law)
    time.sleep(SETTLE_S)
    stage.broker.kill()
    gone = now_us()
    time.sleep(down_s)
    refused = overflows()
    back = now_us()
    stage.broker.start()
    window = meter.Window(stage.broker.pid)
    stage.fleet.wait_up(back)
    time.sleep(SETTLE_S)
    wait_quiet(stage)
    until = now_us()
    used = window.end()
    ups = stage.fleet.back(back)
    after = [at - back for at in ups]
    found = {
        "law": law,
        "down_s": down_s,
        "agents": agents,
        "calls_while_down": len(stage.fleet.select(DIAL, gone, back)),
        "calls": len(stage.fleet.select(DIAL, back)),
        "broken": len(stage.fleet.select(LOST, back)),
        "refused": overflows() - refused,
        "back_s": {share: meter.percentile(after, share) / 1e6 for share in (50, 90, 100)},
        "peak": fullest(after, CURVE_US),
        "peak_s": fullest(after, STEP_US),
        "mean_s": round(0.9 * agents / max(meter.percentile(after, 90) / 1e6, 0.1), 1),
        "curve": sorted(collections.Counter(at // CURVE_US / 10 for at in after).items()),
        "broker_ms_s": used["cpu_mean_ms_s"],
        "broker_rss_kb": used["rss_kb"],
        **count_traffic(stage, back, until),
        **count_samples(stage, back),
    }
    stage.close()
    return found


def measure(say, quick):
    limit = raise_limit()
    sizes = [size for size in SIZES if 3 * size + 16 <= limit]
    skipped = [f"{size} agents: only {limit} open files" for size in SIZES if size not in sizes]
    scratch = Scratch("hostingpi-bench-")
    try:
        say("fleet: recording what a real agent publishes")
        documents = record_messages(scratch)
        seconds = 5 if quick else 30
        steady, outages = [], []
        for agents, phases in [*((size, "spread") for size in sizes), (sizes[-1], "together")]:
            say(f"fleet: {agents} agents, {phases}, {seconds} s")
            steady.append(measure_steady(scratch, documents, agents, phases, seconds))
        for down_s in (SHORT_S, LONG_QUICK_S if quick else LONG_S):
            for law in ("ours", "fixed"):
                say(f"fleet: {sizes[-1]} agents, broker gone for {down_s} s, pauses: {law}")
                outages.append(measure_outage(scratch, documents, sizes[-1], law, down_s))
        return {"steady": steady, "outages": outages, "skipped": skipped}
    finally:
        scratch.close()


def _growth_rows(steady):
    spread = [one for one in steady if one["phases"] == "spread"]
    first = spread[0]
    rows = []
    for one in spread:
        more = one["agents"] - first["agents"]
        rss = ratio(one["broker_rss_kb"] - first["broker_rss_kb"], more, 1)
        rows.append(
            [one["agents"], ratio(one["messages_in_s"], one["agents"])]
            + [ratio(one["bytes_in_s"], one["agents"], 0)]
            + [ratio(1000 * one["broker_ms_s"], one["agents"], 1), rss]
        )
    return rows


def _steady_lines(steady):
    header = ["agents", "phases", "messages/s\ninto broker", "kB/s\nin", "at the\nsubscriber"]
    header += ["kB/s\nout", "broker\nCPU %", "broker\nRSS kB", "age\np50 ms", "p99", "max"]
    header += ["sent late\np99 ms", "fullest 10 ms\n/ mean", "load prog.\nCPU %"]
    rows = [
        [one["agents"], one["phases"], one["messages_in_s"], one["bytes_in_s"] / 1000]
        + [one["arrived_s"], one["bytes_out_s"] / 1000, one["broker_ms_s"] / 10]
        + [one["broker_rss_kb"], *one["age_ms"].values(), one["late_ms"]["p99"], one["crest"]]
        + [one["fleet_ms_s"] / 10]
        for one in steady
    ]
    lines = [*table(header, rows), "", "Per agent, and what each one more than the first row's adds:"]
    header = ["agents", "messages/s", "bytes/s in", "broker\nCPU us/s", "broker RSS\nkB more"]
    return [*lines, *table(header, _growth_rows(steady))]


def _outage_lines(outages):
    header = ["pauses", "broker\ngone s", "calls\nmeanwhile", "calls\nthen", "50 %\nback s", "90 %"]
    header += ["100 %", "most in\n100 ms", "most in\n1 s", "mean 1/s\nuntil 90 %", "listen queue\noverflows"]
    rows = [
        [one["law"], one["down_s"], one["calls_while_down"], one["calls"], *one["back_s"].values()]
        + [one["peak"], one["peak_s"], one["mean_s"], one["refused"]]
        for one in outages
    ]
    lines = table(header, rows)
    header = ["pauses", "broker\ngone s", "history\nmessages", "within\ns", "peak\n1/s"]
    header += ["peak\nkB/s", "live: age\np50 ms", "p99", "max", "sent late\np99 ms", "broker\nCPU %"]
    header += ["broker\nRSS kB", "samples", "lost", "missed", "twice"]
    rows = [
        [one["law"], one["down_s"], one["history"], one["history_s"], one["history_peak_s"]]
        + [one["history_peak_bytes_s"] / 1000, *one["age_ms"].values(), one["late_ms"]["p99"]]
        + [one["broker_ms_s"] / 10, one["broker_rss_kb"], one["samples"], one["lost"]]
        + [one["missed"], one["twice"]]
        for one in outages
    ]
    return [*lines, "", "The replay of history then, beside the live samples:", *table(header, rows)]


def _curve_lines(outages):
    """Connections per second, for each second; the same as text."""
    lines = ["", "Connections made in each second after the broker is back:"]
    for one in outages:
        seconds = collections.Counter()
        for at, count in one["curve"]:
            seconds[int(at)] += count
        curve = [str(seconds[second]) for second in range(max(seconds) + 1)]
        text = " ".join(curve[:40]) + (" ..." if len(curve) > 40 else "")
        lines.append(f"  {one['law']}, gone for {one['down_s']} s: {text}")
    return lines


def report(found):
    steady, outages = found["steady"], found["outages"]
    size = steady[0]["document_bytes"]
    lines = [f"F. A fleet on one broker: a state document of {size} bytes a second from each", ""]
    lines += _steady_lines(steady)
    agents = outages[0]["agents"]
    lines += ["", f"The broker is killed with {agents} agents, and started again:"]
    lines += _outage_lines(outages) + _curve_lines(outages)
    lines += [f"SKIPPED {what}" for what in found["skipped"]]
    for one in [*steady, *outages]:
        late = one["late_ms"]["p99"]
        if late is not None and late > LATE_MS:
            what = one.get("phases") or f"{one['law']}, {one['down_s']} s"
            lines.append(
                f"The load program was the bottleneck: {one['agents']} agents, {what}: "
                f"1 % of its messages left {late:g} ms late or later."
            )
    return lines
