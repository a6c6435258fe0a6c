#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-lab.sh PYTHON [PYTEST-OPTION...]
#
# Runs the lab tests with Debian's pytest and keeps its summary line for `make test`. Skipped tests
# are listed with their reasons.
set -eu

python=$1
shift
mkdir -p build/summary
report=$(mktemp)
trap 'rm -f "$report"' EXIT
trap 'exit 130' INT TERM HUP

code=0
"$python" -B -m pytest -q -rs --durations=20 --durations-min=4 -p no:cacheprovider --junit-xml="$report" "$@" tests/lab || code=$?
"$python" -c 'import sys
import xml.etree.ElementTree as tree
suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
count = {key: sum(int(suite.get(key, 0)) for suite in suites)
         for key in ("tests", "failures", "errors", "skipped")}
failed = count["failures"] + count["errors"]
passed = count["tests"] - failed - count["skipped"]
print("check-lab: %d passed, %d failed, %d skipped" % (passed, failed, count["skipped"]))
' "$report" | tee build/summary/check-lab
exit "$code"
