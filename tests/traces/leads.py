#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How long before the first swapped megabyte would load balancers have heard of it?

leads.py HOSTINGPID [TRACE.csv...]: replays recordings through the agent and prints a table.
"""

import csv
import pathlib
import subprocess
import sys

MEGABYTE_PAGES = 256


def read_trace(path):
    with open(path, encoding="ascii", newline="") as stream:
        return list(csv.DictReader(stream))


def swapped_at(rows):
    """The time of the first row with a megabyte more in swap than in the first one; None: never."""
    for row in rows:
        if int(row["pswpout"]) - int(rows[0]["pswpout"]) >= MEGABYTE_PAGES:
            return float(row["t"])
    return None


def replay(program, rows):
    text = "\n".join(",".join(line) for line in [rows[0].keys(), *(r.values() for r in rows)])
    done = subprocess.run(
        [program, "--replay", "-"], input=text + "\n", capture_output=True, text=True, check=True
    )
    return list(csv.DictReader(done.stdout.splitlines()))


def first(table, wanted):
    return next((float(row["t"]) for row in table if wanted(row)), None)


def measure(program, rows):
    """Seconds between the first step down, the hard level and the first megabyte; share of shed time."""
    swapped = swapped_at(rows)
    end = swapped if swapped is not None else float(rows[-1]["t"])
    table = replay(program, rows)
    before = [row for row in table if float(row["t"]) <= end]
    shed = first(table, lambda row: row["state"] != "normal" or int(row["weight"]) < 100)
    hard = first(table, lambda row: row["state"] == "hard")
    away = sum(row["state"] != "normal" for row in before) / len(before)
    return {
        "swapped": swapped,
        "shed": shed,
        "hard": hard,
        "lead": None if swapped is None or shed is None else swapped - shed,
        "hard_lead": None if swapped is None or hard is None else swapped - hard,
        "shed_share": away,
    }


def cell(value):
    return "-" if value is None else f"{value:.1f}"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    paths = sys.argv[2:] or sorted(pathlib.Path(__file__).parent.glob("*.csv"))
    print(f"{'recording':<46} {'swaps at':>9} {'shed at':>8} {'lead':>6} {'hard':>6} {'shed time':>10}")
    for path in map(pathlib.Path, paths):
        row = measure(sys.argv[1], read_trace(path))
        print(
            f"{path.stem:<46} {cell(row['swapped']):>9} {cell(row['shed']):>8} {cell(row['lead']):>6} "
            f"{cell(row['hard_lead']):>6} {row['shed_share'] * 100:>8.1f} %"
        )
    print("seconds of the recording's clock, which need not start at 0; lead and hard: before the first")
    print("megabyte was in swap; shed time: share of the recording until then. Nothing was taken away from")
    print("the recorded machines: this is when the agent would have spoken, not what would have become of them.")


if __name__ == "__main__":
    main()
