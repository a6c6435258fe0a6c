# SPDX-License-Identifier: MIT
"""`make run`: this machine's readings at a real broker, and a real balancer that follows them.

With a terminal it shows a live view; without one, or with ONCE=1, it goes through the same by
script and ends with 0 or 1. Whatever happens, it leaves no process and no file behind.
"""

import os
import signal
import sys
import time

import stage as stages  # first: it makes the lab's modules importable
import harness
import script


class Ended(BaseException):
    """A signal asked us to end."""


def on_signals(handler):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def end(number, _frame):
    on_signals(signal.SIG_IGN)  # nothing interrupts the tidying up
    raise Ended(number)


def interactive():
    if os.environ.get("ONCE", "") not in ("", "0"):
        return False
    if os.environ.get("TERM", "dumb") == "dumb":
        return False
    return sys.stdin.isatty() and sys.stdout.isatty()


def perform():
    begin = time.monotonic()
    stage = stages.Stage()
    try:
        print(f"demo: everything runs on loopback, in {stage.scratch.path}", flush=True)
        for what in stage.start():
            print(f"demo: {time.monotonic() - begin:5.1f} s  starting {what}", flush=True)
        if interactive():
            import view

            view.run(stage)
        else:
            script.run(stage, begin)
    finally:
        on_signals(signal.SIG_IGN)
        stage.close()


def main():
    on_signals(end)
    try:
        perform()
    except (harness.LabError, stages.Refusal) as error:
        print(f"demo: {error}", file=sys.stderr)
        print("demo: FAILED" if isinstance(error, harness.LabError) else "demo: not possible here")
        return 1
    except Ended as ended:
        number = ended.args[0]
        print(f"demo: ended by {signal.Signals(number).name}, nothing is left behind")
        return 0 if number == signal.SIGINT and interactive() else 128 + number
    print("demo: done, nothing is left behind")
    return 0


if __name__ == "__main__":
    sys.exit(main())
