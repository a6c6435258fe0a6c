# SPDX-License-Identifier: MIT
"""run.py [--short] [--only TEXT] [--jobs N] [--json FILE]: the MQTT notifier against each fault.

Theory of operation: each fault is played (play.py) in network, mount and PID namespaces of its own,
some at once; when this program ends, however it does, the kernel ends what is in them. Ends with 1
if any verdict (matrix.py) is bad, 77 where namespaces are not possible.
"""

import argparse
import concurrent.futures
import json
import subprocess
import sys
import time

import where
from faults import FAULTS
from matrix import complaints, report
from network import UNSHARE, not_possible
from process import Scratch

SKIPPED = 77
LIMIT_S = 420  # on top of the fault itself


def play(scratch, number, fault, form):
    folder = scratch.path / str(number)
    folder.mkdir()
    words = [sys.executable, "-B", where.HERE / "play.py", fault.name, form, folder]
    seconds = (fault.short if form == "short" else fault.seconds) + LIMIT_S
    try:
        done = subprocess.run(
            [str(word) for word in [*UNSHARE, *words]],
            **{"capture_output": True, "text": True, "timeout": seconds, "check": False},
        )
    except subprocess.TimeoutExpired:
        return {"error": f"did not end within {seconds} s"}
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"error": (done.stderr or "ended without a result").strip()[-600:]}


def play_all(faults, form, jobs):
    scratch, found, began = Scratch("hostingpi-mqtt-"), {}, time.monotonic()
    # One that takes ten minutes gets a place beside the others.
    places = jobs + sum(fault.seconds >= 600 for fault in faults if form == "long")
    order = sorted(faults, key=lambda one: -(one.short if form == "short" else one.seconds))
    with concurrent.futures.ThreadPoolExecutor(places) as pool:
        running = {
            pool.submit(play, scratch, number, fault, form): fault
            for number, fault in enumerate(order)
        }
        for future in concurrent.futures.as_completed(running):
            fault = running[future]
            found[fault] = future.result()
            verdict = "FAILED" if complaints(fault, found[fault]) else "ok"
            print(f"{time.monotonic() - began:4.0f} s  {fault.name}: {verdict}", flush=True)
    scratch.close()
    return {fault: found[fault] for fault in faults}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="what fits into a minute")
    parser.add_argument("--only", default="", help="faults with this text in their name")
    parser.add_argument("--jobs", type=int, default=0, help="faults at once")
    parser.add_argument("--json", help="where to write the rows")
    options = parser.parse_args()
    reason = not_possible()
    if reason:
        print(f"SKIPPED: the MQTT faults: {reason}")
        return SKIPPED
    form = "short" if options.short else "long"
    faults = [f for f in FAULTS if options.only in f.name and (form == "long" or f.short)]
    if not faults:
        names = "; ".join(f.name for f in FAULTS if form == "long" or f.short)
        parser.error(f"no fault with {options.only!r} in its name; there are: {names}")
    found = play_all(faults, form, options.jobs or (8 if options.short else 4))
    print("\n".join(["", *report(found)]))
    if options.json:
        rows = [{"fault": fault.name, "what": fault.what, **row} for fault, row in found.items()]
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    failed = sum(bool(complaints(fault, row)) for fault, row in found.items())
    print(f"check-mqtt: {len(found) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
