#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Adds up pytest's reports: the slowest tests and files, what failed and why, then one line.

summary.py REPORT...            reports named again-*.xml are second attempts
summary.py --failed REPORT...   only the node ids of the tests that failed
"""

import pathlib
import sys
import xml.etree.ElementTree as tree

SLOWEST = 15
TOLD = 10  # failures
TOLD_LINES = 4
TOLD_COLUMNS = 160


class Case:
    def __init__(self, element):
        module, _, self.name = element.get("classname", "").rpartition(".")
        self.file = f"{module}.{self.name}".replace(".", "/") + ".py" if module else None
        self.test = f"{self.name}::{element.get('name')}"
        self.seconds = float(element.get("time", 0))
        bad = element.find("failure")
        bad = element.find("error") if bad is None else bad
        self.failed = bad is not None
        self.message = bad.get("message", "") if self.failed else ""

    def title(self):
        return self.test[:TOLD_COLUMNS]

    def node(self):
        """For pytest; None for a file that could not be read."""
        return self.file and f"{self.file}::{self.test.partition('::')[2]}"


def read(paths):
    """(sums of the suites, their cases)."""
    count = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    cases = []
    for path in paths:
        root = tree.parse(path).getroot()
        for suite in root.iter("testsuite"):
            for key in count:
                count[key] += int(suite.get(key, 0))
        cases += map(Case, root.iter("testcase"))
    return count, cases


def print_slowest(cases):
    tests, files = [(case.seconds, case.title()) for case in cases], {}
    for case in cases:
        files[case.name] = files.get(case.name, 0) + case.seconds
    rows = sorted(tests, reverse=True)[:SLOWEST]
    rows += sorted(((seconds, name) for name, seconds in files.items()), reverse=True)[:SLOWEST]
    for seconds, name in rows:
        print(f"  {seconds:6.1f} s  {name}", file=sys.stderr)


def print_failures(word, cases):
    for case in cases[:TOLD]:
        print(f"check-lab: {word} {case.title()}")
        for line in case.message.splitlines()[:TOLD_LINES]:
            print(f"  {line[:TOLD_COLUMNS]}")
    if len(cases) > TOLD:
        print(f"check-lab: and {len(cases) - TOLD} more")


def main(paths):
    second = [path for path in paths if pathlib.Path(path).name.startswith("again-")]
    count, cases = read([path for path in paths if path not in second])
    _, again = read(second)
    good = {case.test for case in again} - {case.test for case in again if case.failed}
    alone = [case for case in cases if case.failed and case.test in good]
    print_slowest(cases)
    print_failures("failed at first, passed alone:", alone)
    print_failures("FAILED", [case for case in cases if case.failed and case.test not in good])
    failed = count["failures"] + count["errors"] - len(alone)
    passed = count["tests"] - count["failures"] - count["errors"] - count["skipped"]
    only = f"{len(alone)} passed only alone, " if alone else ""
    print(f"check-lab: {passed} passed, {only}{failed} failed, {count['skipped']} skipped")
    return 1 if failed else 0


def print_failed(paths):
    for case in read(paths)[1]:
        if case.failed and case.node():
            print(case.node())
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--failed"]:
        sys.exit(print_failed(sys.argv[2:]))
    sys.exit(main(sys.argv[1:]))
