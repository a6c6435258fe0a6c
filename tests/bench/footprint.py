# SPDX-License-Identifier: MIT
"""Section A: memory, processor time, system calls of the agent and of others.

Theory of operation: everything runs side by side for one window, so that whatever else this machine
does at that time falls on all alike. System calls are counted in a second window, because strace
slows what it watches. Proportional memory (PSS) depends on who else runs; the long form starts each
subject once more alone for it.
"""

import textwrap
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from process import Scratch
from subjects import SETTLE_S, Stage
from table import ratio, table

# Design budgets for x86-64 Debian 12, with MQTT connected; the second of each is for TLS.
BUDGET_RSS_KB = (5120, 6144)
BUDGET_PRIVATE_DIRTY_KB = (1331, 1843)
BUDGET_CPU_OF_BARE = 2.0
BUDGET_CALLS = 60

MAIN = "hostingpid, everything on"
TLS = "hostingpid, broker over TLS"
BARE = "bare reader of the same files"
BARE_ALL = "bare reader that talks as much"
IDLE = "the libraries, idle"
SLOT_S = 2  # as long as the longest period of what costs much: the poll of the status page
MAPPED = (MAIN, TLS, IDLE)
MAPPING_ROWS = 15


def measure_window(subjects, seconds):
    windows = {what: meter.Window(process.pid) for what, process in subjects.items()}
    for _ in range(seconds // SLOT_S):
        time.sleep(SLOT_S)
        for window in windows.values():
            window.slot()
    return {what: window.end() for what, window in windows.items()}


def measure_calls(scratch, subjects, seconds):
    traces = {
        what: meter.Strace(scratch, f"strace{number}", process.pid, ["-c"])
        for number, (what, process) in enumerate(subjects.items())
    }
    for trace in traces.values():
        trace.begin()
    time.sleep(seconds)
    return {what: meter.count_calls(*trace.finish()) for what, trace in traces.items()}


def measure_alone(subjects):
    """PSS of each subject while no other one runs."""
    for process in subjects.values():
        process.close()
    found = {}
    for what, process in subjects.items():
        process.start()
        Stage.settle()
        found[what] = meter.memory(process.pid)["pss_kb"]
        process.close()
    return found


def measure(say, quick):
    scratch = Scratch("hostingpi-bench-")
    try:
        say("footprint: starting")
        stage = Stage(scratch)
        stage.start_agents()
        for agent in stage.agents.values():
            if "mqtt" in agent.settings:
                meter.wait_connected(agent)
        main = stage.agents[MAIN]
        files = meter.files_read(scratch, main.pid, 4)
        others = stage.others(files)
        for process in others.values():
            process.start()
        subjects = {**stage.agents, **others}
        Stage.settle(2 if quick else SETTLE_S + 10)  # what is read every 10 s was read once

        seconds = 10 if quick else 30
        say(f"footprint: {len(subjects)} programs side by side for {seconds} s")
        first = main.status()["seq"]
        found = {"files": files, "subjects": measure_window(subjects, seconds)}
        found["samples"] = main.status()["seq"] - first
        found["mappings"] = {
            what: meter.mappings(subjects[what].pid) for what in MAPPED if what in subjects
        }
        seconds = 4 if quick else 20
        say(f"footprint: counting system calls for {seconds} s")
        for what, calls in measure_calls(scratch, subjects, seconds).items():
            found["subjects"][what]["calls"] = calls
            found["subjects"][what]["calls_per_sample"] = round(sum(calls.values()), 1)
        if not quick:
            say("footprint: each program alone")
            for what, kb in measure_alone(subjects).items():
                found["subjects"][what]["pss_alone_kb"] = kb
        found["skipped"] = stage.skipped
        return found
    finally:
        scratch.close()


def _budget_rows(subjects):
    bare, talker = subjects[BARE]["cpu_ms_s"], subjects[BARE_ALL]["cpu_ms_s"]
    rows = []
    for index, what in enumerate((MAIN, TLS)):
        if what not in subjects:
            continue
        one = subjects[what]
        budget = BUDGET_RSS_KB[index], BUDGET_PRIVATE_DIRTY_KB[index]
        rows += [
            [f"{what}: RSS kB", one["rss_kb"], budget[0]],
            [f"{what}: private dirty kB", one["private_dirty_kb"], budget[1]],
            [f"{what}: CPU ms/s", one["cpu_ms_s"], BUDGET_CPU_OF_BARE * bare],
            [f"{what}: CPU, base talks as much", one["cpu_ms_s"], BUDGET_CPU_OF_BARE * talker],
            [f"{what}: system calls a sample", one["calls_per_sample"], BUDGET_CALLS],
        ]
    return [[*row, ratio(row[1], row[2])] for row in rows]


def _ratio_rows(subjects):
    main = subjects[MAIN]
    rows = []
    for what, one in subjects.items():
        if what != MAIN:
            keys = ("rss_kb", "private_dirty_kb", "cpu_ms_s", "calls_per_sample")
            rows.append([what, *(ratio(one[key], main[key]) for key in keys)])
    return rows


def _call_rows(subjects, columns):
    names = sorted({name for what in columns for name in subjects[what]["calls"]})
    rows = [[name, *(subjects[what]["calls"].get(name, 0.0) for what in columns)] for name in names]
    rows.sort(key=lambda row: -row[1])
    return [row for row in rows if max(row[1:]) >= 0.2]


def _mapping_lines(mappings):
    tables = {what: {row["name"]: row for row in rows} for what, rows in mappings.items()}
    names = dict.fromkeys(row["name"] for rows in mappings.values() for row in rows)
    header, rows = [""], [[name] for name in names]
    for what, by_name in tables.items():
        title = "\n".join(textwrap.wrap(what, 14))
        header += [f"{title}\nRSS", "private\nlinker", "private\ndata"]
        for row in rows:
            one = by_name.get(row[0], {})
            row += [one.get(key) for key in ("rss_kb", "constants_kb", "data_kb")]
    return table(header, rows[:MAPPING_ROWS])


def report(found):
    subjects = found["subjects"]
    seconds = subjects[MAIN]["seconds"]
    lines = [f"A. Footprint: {seconds:.0f} s side by side, {found['samples']} samples", ""]
    keys = "rss_kb pss_kb pss_alone_kb private_dirty_kb locked_kb threads cpu_ms_s cpu_mean_ms_s"
    keys = [*keys.split(), "calls_per_sample", "minor_faults", "major_faults"]
    keys += ["heap_growth_kb", "written_bytes"]
    header = ["", "RSS\nkB", "PSS\nkB", "PSS\nalone", "private\ndirty kB", "VmLck\nkB", "threads"]
    header += ["CPU\nms/s", "mean\nCPU", "calls/\ns", "minor\nfaults", "major\nfaults", "heap\ngrowth kB"]
    header += ["written\nbytes"]
    lines += table(header, [[what, *(one.get(k) for k in keys)] for what, one in subjects.items()])
    lines += [f"SKIPPED {what}" for what in found["skipped"]]
    lines += ["", "What others take, as a multiple of hostingpid with everything on:"]
    header = ["", "RSS", "private dirty", "CPU", "calls"]
    lines += table(header, _ratio_rows(subjects))
    lines += ["", f"Against the design budgets (CPU: {BUDGET_CPU_OF_BARE:g} x the bare reader):"]
    lines += table(["", "measured", "budget", "of budget"], _budget_rows(subjects))
    lines += ["", "Processor time by thread, ms/s:"]
    for what, one in subjects.items():
        parts = (f"{name} {ms:.3f}" for name, ms in one["cpu_ms_s_by_thread"].items() if ms)
        lines.append(f"  {what}: {', '.join(parts)}")
    lines += ["", "System calls per second (one sample a second; two polls of HAProxy):"]
    columns = [what for what in subjects if what != IDLE and "TLS" not in what]
    header = ["", *("\n".join(textwrap.wrap(what, 14)) for what in columns)]
    lines += table(header, _call_rows(subjects, columns))
    lines += ["", f"The bare reader reads: {' '.join(found['files'])}"]
    lines += ["", "Where the memory is, kB (linker: private pages written by the dynamic linker):"]
    lines += _mapping_lines(found["mappings"])
    return lines
