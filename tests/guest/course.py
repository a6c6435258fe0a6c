# SPDX-License-Identifier: MIT
"""The list of named checks: each is ok with a figure, or FAILED with what was seen instead.

Theory of operation: a check is a function that returns its figure (a sentence) or raises LabError. One that fails does
not end the course, because the next ones tell more about why. All that was seen is in build/guest/checks.json.
"""

import json
import time

import process
from process import LabError
from where import FOLDER

# An emulated machine beside other work: a deadline is for what never comes, and says nothing of how long it should take.
PATIENCE = 4


def expect(truth, what):
    if not truth:
        raise LabError(what)


def wait_until(predicate, seconds, what, pause=0.02):
    return process.wait_until(predicate, seconds * PATIENCE, what, pause)


def unmatched(words, checks):
    """What is wrong with the words of T=, or nothing: a misspelt one would leave its check out without a word."""
    names = [check.__name__ for check in checks]
    for word in words:
        if not any(word in name for name in names):
            return f"no check has '{word}' in its name; there are: {', '.join(names)}"
    return ""


class Course:
    def __init__(self, lab):
        self.lab = lab
        self.rows = []

    def run(self, checks):
        """checks: functions; the first line of each one's text is its name."""
        for check in checks:
            name = check.__doc__.strip().splitlines()[0].rstrip(".")
            begin = time.monotonic()
            try:
                figure, well = check(self.lab), True
            except (LabError, OSError, ValueError, KeyError, IndexError) as error:
                figure, well = f"{type(error).__name__}: {error}", False
                self.lab.tidy()
            took = time.monotonic() - begin
            self.rows.append({"check": name, "well": well, "figure": figure, "seconds": round(took, 1)})
            print(f"  {'ok     ' if well else 'FAILED '} {name}: {figure}  [{took:.0f} s]", flush=True)

    def well(self):
        return bool(self.rows) and all(row["well"] for row in self.rows)

    def keep(self):
        (FOLDER / "checks.json").write_text(json.dumps(self.rows, indent=1) + "\n", encoding="utf-8")

    def verdict(self):
        failed = [row["check"] for row in self.rows if not row["well"]]
        text = f"check-guest: {'FAILED' if failed else 'ok'}: {len(self.rows) - len(failed)} of {len(self.rows)} checks"
        return text + "".join(f"\n  FAILED {name}" for name in failed)
