#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Adds up pytest's reports: the slowest tests and files, then one line for the summary."""

import sys
import xml.etree.ElementTree as tree

SLOWEST = 15


def main(paths):
    count = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    tests, files = [], {}
    for path in paths:
        for suite in tree.parse(path).getroot().iter("testsuite"):
            for key in count:
                count[key] += int(suite.get(key, 0))
        for case in tree.parse(path).getroot().iter("testcase"):
            name = case.get("classname", "").rpartition(".")[2]
            seconds = float(case.get("time", 0))
            tests.append((seconds, f"{name}::{case.get('name')}"))
            files[name] = files.get(name, 0) + seconds
    rows = sorted(tests, reverse=True)[:SLOWEST]
    rows += sorted(((seconds, name) for name, seconds in files.items()), reverse=True)[:SLOWEST]
    for seconds, name in rows:
        print(f"  {seconds:6.1f} s  {name}", file=sys.stderr)
    failed = count["failures"] + count["errors"]
    passed = count["tests"] - failed - count["skipped"]
    print(f"check-lab: {passed} passed, {failed} failed, {count['skipped']} skipped")


if __name__ == "__main__":
    main(sys.argv[1:])
