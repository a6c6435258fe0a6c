# SPDX-License-Identifier: MIT
"""`make check-vm` and `make check-vm-long`: a real kernel and web server with and without the agent.

The short form plays one run without and one with the agent and fails when the first does not swap or
the second does. The long form plays many runs of all arms in random order; each result is appended to
build/vm/results.jsonl at once, and the next call goes on where this one was ended. Results of other
sources than today's are left aside. README.md says how to read the table.
"""

import argparse
import hashlib
import json
import pathlib
import random
import time

import where  # noqa: F401 (makes the lab's modules importable)
import arms
import image
import table
from experiment import Experiment
from machine import MACHINES

HERE = pathlib.Path(__file__).resolve().parent
experiment = Experiment("check-vm")
FIRST_SEED = 11  # seeds 1 to 10 were looked at while the load and the agent were being tuned
AGENT_ONLY = ("hostingpi.conf",)


def digest(arm, seconds, machine):
    """Names everything a result depends on: only results with the same one are comparable."""
    files = [HERE / name for name in ("arms.py", "guest.py", "load.py", "machine.py", "packages.py")]
    files += [*HERE.glob("*.c"), *(HERE / "guest").iterdir()]
    if arm.agent:
        for folder in ("agent", "collectors", "notifiers"):
            files += (image.REPO / folder).glob("*.[ch]")
    else:
        files = [path for path in files if path.name not in AGENT_ONLY]
    if arm.guard:
        files += (image.REPO / "agent" / "ctl").glob("guard*.[ch]")
    total = hashlib.sha256(f"{arm} {seconds} {machine}".encode())
    for path in sorted(files):
        total.update(str(path.relative_to(image.REPO)).encode() + path.read_bytes())
    return total.hexdigest()[:16]


def plan(options):
    """[(arm, seed)] in random order, the same for the same options."""
    seeds = {"none": options.runs, "ours": options.runs}
    pairs = [
        (arms.ARMS[name], FIRST_SEED + number)
        for name in options.arms
        for number in range(seeds.get(name, options.others))
    ]
    random.Random(options.runs).shuffle(pairs)
    return pairs


def stored(path, digests):
    """(usable results, number of others)."""
    if not path.exists():
        return [], 0
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    usable = [row for row in rows if row["inputs"] == digests.get(row["arm"])]
    return usable, len(rows) - len(usable)


def describe(row):
    if "error" in row:
        return f"{row['arm']}, seed {row['seed']}: BROKEN: {row['error'].splitlines()[0]}"
    weight = "" if row["weight_min"] is None else f", weight down to {row['weight_min']} %"
    return (
        f"{row['arm']}, seed {row['seed']}: {row['swap_bytes'] / 1e6:.1f} MB to swap, "
        f"{row['crowd']['good_per_s']} good answers/s{weight}, "
        f"at least {row['available_min_mb']} MB available"
    )


def long_form(options, seconds):
    pairs = plan(options)
    digests = {arm.name: digest(arm, seconds, options.machine) for arm, _ in pairs}
    rows, others = stored(options.results, digests)
    if others:
        experiment.say(f"{others} results of other sources in {options.results.name} are left aside")
    done = {(row["arm"], row["seed"]) for row in rows}
    left = [] if options.show else [pair for pair in pairs if (pair[0].name, pair[1]) not in done]
    for number, (arm, seed) in enumerate(left, 1):
        began = time.monotonic()
        row = arms.run(arm, seed, seconds, options.machine, image.FOLDER)
        row["inputs"] = digests[arm.name]
        with open(options.results, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        rows.append(row)
        took = time.monotonic() - began
        experiment.say(f"{number} of {len(left)}: {describe(row)} ({took:.0f} s)")
    return rows


def short_form(options, seconds):
    rows = []
    for name in options.arms:
        row = arms.run(arms.ARMS[name], 1, seconds, options.machine, image.FOLDER)
        if "error" in row:  # a guest that did not come up says nothing about the agent
            experiment.say(f"{describe(row)}; once more")
            row = arms.run(arms.ARMS[name], 1, seconds, options.machine, image.FOLDER)
        rows.append(row)
        experiment.say(describe(row))
    return rows


def parse():
    parser = argparse.ArgumentParser(prog="check-vm", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--long", action="store_true", help="many runs of all arms")
    parser.add_argument("--show", action="store_true", help="the table of the runs so far")
    parser.add_argument("--runs", type=int, default=10, help="of the arms none and ours (10)")
    parser.add_argument("--others", type=int, default=3, help="runs of each other arm (3)")
    parser.add_argument("--arms", help=f"some of {','.join(arms.ARMS)}")
    parser.add_argument("--machine", choices=MACHINES, default="virt")
    parser.add_argument("--results", type=pathlib.Path, default=image.FOLDER / "results.jsonl")
    options = parser.parse_args()
    options.long = options.long or options.show
    default = list(arms.ARMS) if options.long else ["none", "ours"]
    options.arms = options.arms.split(",") if options.arms else default
    unknown = [name for name in options.arms if name not in arms.ARMS]
    if unknown or options.runs < 1 or options.others < 0:
        parser.error(f"no such arm: {', '.join(unknown)}" if unknown else "no runs")
    return options


def main():
    options = parse()
    if not options.show:
        experiment.prepare(image.missing_tools(), image.provide)
    if options.long:
        rows = long_form(options, arms.LONG_S)
    else:
        rows = short_form(options, arms.SHORT_S)
    well, text = table.report(rows, list(arms.ARMS))
    return experiment.verdict(well, text, len(rows))


if __name__ == "__main__":
    experiment.run(main)
