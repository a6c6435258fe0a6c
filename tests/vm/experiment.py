# SPDX-License-Identifier: MIT
"""How a call of an experiment begins and ends: what it needs, what it says, how it is ended.

Theory of operation: without the programs or the packages an experiment is SKIPPED, and says so; that is
no failure. Only one call at a time uses build/vm. What `make test` shows of it is in build/summary.
"""

import fcntl
import signal
import subprocess
import sys

import where  # noqa: F401 (makes the lab's modules importable)
import image
import packages
from process import LabError


class Ended(BaseException):
    """A signal asked us to end."""


def _end(_number, _frame):
    raise Ended


class Experiment:
    def __init__(self, name):
        self.name = name
        self.lock = None

    def say(self, text):
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def _summary(self, text):
        summary = image.REPO / "build" / "summary" / self.name
        summary.parent.mkdir(parents=True, exist_ok=True)
        summary.write_text(text + "\n", encoding="utf-8")
        print(text)

    def _skip(self, reason):
        self._summary(f"{self.name}: SKIPPED: {reason}")
        sys.exit(0)

    def prepare(self, missing, provide):
        """Everything the guest boots from is there afterwards; missing: names of programs."""
        if missing:
            self._skip(f"{', '.join(missing)} not installed (sudo sh tests/deps.sh build run vm)")
        image.FOLDER.mkdir(parents=True, exist_ok=True)
        self.lock = open(image.FOLDER / "lock", "w", encoding="ascii")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.say("another run uses build/vm: waiting for it")
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            provide(self.say)
        except packages.Unavailable as error:
            self._skip(str(error))
        except subprocess.CalledProcessError as error:
            raise LabError(f"{error.cmd[0]} ended with {error.returncode}; see above") from None

    def conclude(self, text):
        """The verdict, where it is not a number of runs."""
        self._summary(text)

    def verdict(self, well, text, runs):
        """The exit code."""
        print(text)
        self._summary(f"{self.name}: {'ok' if well else 'FAILED'}: {runs} runs")
        return 0 if well else 1

    def run(self, main):
        """Ends the program with what main() returns."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _end)
        try:
            sys.exit(main())
        except (KeyboardInterrupt, Ended):
            self.say("ended; what was finished is kept")
            sys.exit(130)
        except LabError as error:
            self.say(f"failed: {error}")
            sys.exit(1)
