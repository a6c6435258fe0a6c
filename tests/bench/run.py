# SPDX-License-Identifier: MIT
"""`make bench`: footprint, latency, and whether the loop ever blocks (README.md: how to read it).

Numbers are shown beside those of other programs in the same run; nothing here passes or fails. Ends
with 1 only if something could not be measured.
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
import traceback

import where  # noqa: F401 (makes the lab's modules importable)
import crowd
import fleet
import footprint
import loop
import meter
import outage
import payload
import stalls
import storm
from harness import BUILD
from process import LabError

SECTIONS = {"A": footprint, "B": crowd, "C": stalls, "D": loop, "E": storm}
SECTIONS |= {"F": fleet, "G": outage, "H": payload}  # only when asked for


class Ended(BaseException):
    """A signal asked us to end."""


def end(_number, _frame):
    raise Ended


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def machine():
    load = os.getloadavg()
    return {
        "machine": platform.machine(),
        "kernel": platform.release(),
        "processors": os.cpu_count(),
        "load": round(load[0], 2),
        "user": "root" if os.geteuid() == 0 else "not root",
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="short form, less than a minute")
    parser.add_argument("--json", metavar="FILE", help="the same as JSON")
    parser.add_argument("--only", metavar="LETTERS", default="ABCDE", help="some sections")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)

    os.environ["HOSTINGPI_BUILD"] = str(BUILD)  # absolute, for programs that run elsewhere
    for name in ("hostingpid", "bench/bare", "bench/idle"):
        if not (BUILD / name).exists():
            sys.exit(f"bench: {BUILD / name} is missing: type make bench")

    found = {"machine": machine(), "quick": options.quick}
    failed = False
    facts = found["machine"]
    print(
        f"hostingpi bench: {facts['machine']}, {facts['processors']} processors, Linux "
        f"{facts['kernel']}, load {facts['load']} at the start, run as {facts['user']}"
    )
    for letter, section in SECTIONS.items():
        if letter not in options.only.upper():
            continue
        began, stolen = time.monotonic(), meter.stolen_s()
        try:
            found[letter] = section.measure(say, options.quick)
            print("\n" + "\n".join(section.report(found[letter])), flush=True)
            stolen = (meter.stolen_s() - stolen) / (time.monotonic() - began) / os.cpu_count()
            found[letter]["stolen_share"] = round(stolen, 4)
            if stolen >= 0.01:
                print(f"\nThe host took {stolen:.0%} of this machine's time for others meanwhile.")
            failed = failed or bool(found[letter].get("errors"))
        except (LabError, OSError, ValueError, KeyError) as error:
            failed = True
            traceback.print_exc()
            print(f"\n{letter}. could not be measured: {error}", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Ended, KeyboardInterrupt):
        sys.exit(130)
