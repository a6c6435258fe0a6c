#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-lab.sh PYTHON [PYTEST-OPTION...]
#
# Runs the lab tests with Debian's pytest and keeps a summary line for `make test`. Skipped tests are
# listed with their reasons.
#
# Most of the time these tests wait, so without options the files run two at a time, each in
# namespaces of its own: ports, processes and mounts of one are nothing that the other could see.
# Where that is not allowed, and with options, one pytest runs all in turn.
set -eu

# check-lab.sh --one FILE: one file in its own world; the report goes to $REPORTS.
if [ "${1:-}" = --one ]; then
	name=$(basename "$2" .py)
	# Processes of the lab that outlive their test end with the namespace.
	if unshare --net --pid --mount --fork --kill-child --mount-proc --propagation private -- \
		sh -c 'ip link set lo up && exec "$@"' sh \
		"$PYTHON" -B -m pytest -q -rs -p no:cacheprovider --junit-xml="$REPORTS/$name.xml" "$2" \
		>"$REPORTS/$name.log" 2>&1; then
		code=0
	else
		code=$?
	fi
	flock "$REPORTS" sed 's/^/  /' "$REPORTS/$name.log"
	exit "$code"
fi

python=$1
shift
mkdir -p build/summary
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
trap 'exit 130' INT TERM HUP

code=0
if [ $# = 0 ] && unshare --net --pid --mount --fork --mount-proc -- ip link set lo up 2>/dev/null; then
	# Large files first, so that none that takes long is left for the end.
	ls -S tests/lab/test_*.py |
		env REPORTS="$reports" PYTHON="$python" xargs -P 2 -n 1 sh "$0" --one || code=1
else
	"$python" -B -m pytest -q -rs -p no:cacheprovider --junit-xml="$reports/all.xml" "$@" tests/lab || code=$?
fi
"$python" -B tests/lab/summary.py "$reports"/*.xml | tee build/summary/check-lab
exit "$code"
