# SPDX-License-Identifier: MIT
"""asker.py PORT: polls an agent-check port 20 times a second, on both families in turn.

Theory of operation: as callers.py of the bench, without an end: each line is the moment (monotonic
clock, which all processes share) and the microseconds until the answer, or "-". A poll that is
late because the one before it took so long counts from its own moment, so that a slow answer is not
hidden by the polls which it prevented.
"""

import sys
import time

import where  # noqa: F401 (makes the lab's modules importable)
from callers import poll
from process import families

PERIOD_S = 0.05


def main():
    port = int(sys.argv[1])
    due, number, stuck = time.monotonic(), 0, False
    while True:
        time.sleep(max(0.0, due - time.monotonic()))
        begin = due if stuck else time.monotonic()
        try:
            end = poll(families()[number % len(families())], port, b"lb1/pool\n")
            print(f"{begin:.6f} {(end - begin) * 1e6:.0f}", flush=True)
        except OSError:
            end = time.monotonic()
            print(f"{begin:.6f} -", flush=True)
        due, number = due + PERIOD_S, number + 1
        stuck = due < end


if __name__ == "__main__":
    main()
