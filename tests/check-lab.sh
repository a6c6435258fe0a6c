#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-lab.sh PYTHON [PYTEST-OPTION...]
#
# Runs the lab tests with Debian's pytest and keeps a summary line for `make test`. Skipped tests are
# listed with their reasons.
#
# Most of the time these tests wait, so without options the files run five at a time, each in
# namespaces of its own: ports, processes and mounts of one are nothing that the other could see.
# Where that is not allowed, and with options, one pytest runs all in turn.
#
# What fails in that crowd is run once more alone, if it is three tests at most. The summary names it in any case.
set -eu

# check-lab.sh --one TEST PYTHON REPORTS [NAME]: one file, or one test, in its own world; REPORTS/NAME.xml tells
# which tests failed. Fails itself if that does not explain why pytest did.
if [ "${1:-}" = --one ]; then
	report=$4/${5:-$(basename "$2" .py)}
	# Processes of the lab that outlive their test end with the namespace; its first process is a shell,
	# which collects the orphans.
	if unshare --net --pid --mount --fork --kill-child --mount-proc --propagation private -- \
		sh -c 'ip link set lo up && "$@"; exit $?' sh \
		"$3" -B -m pytest -q -rs -p no:cacheprovider --junit-xml="$report.xml" "$2" \
		>"$report.log" 2>&1; then
		code=0
	elif "$3" -B tests/lab/summary.py --failed "$report.xml" 2>>"$report.log" | grep -q .; then
		code=0
	else
		code=1
	fi
	flock "$4" sed 's/^/  /' "$report.log"
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
	# Large files first, so that none that takes long is left for the end; before them one that waits for a
	# minute to pass.
	slow=tests/lab/test_post_storage.py
	wc -c tests/lab/test_*.py | sort -rn |
		awk -v slow="$slow" 'BEGIN { print slow } $2 != "total" && $2 != slow { print $2 }' |
		xargs -P 5 -I FILE sh "$0" --one FILE "$python" "$reports" || code=1
	for file in tests/lab/test_*.py; do
		if [ ! -s "$reports/$(basename "$file" .py).xml" ]; then
			echo "check-lab: no report of $file" >&2
			code=1
		fi
	done
	"$python" -B tests/lab/summary.py --failed "$reports"/*.xml >"$reports/failed" || code=1
	number=$(wc -l <"$reports/failed")
	[ "$number" -le 3 ] || : >"$reports/failed"
	while read -r node; do
		echo "check-lab: once more, alone: $node"
		sh "$0" --one "$node" "$python" "$reports" "again-$number" </dev/null || code=1
		number=$((number - 1))
	done <"$reports/failed"
else
	"$python" -B -m pytest -q -rs -p no:cacheprovider --junit-xml="$reports/all.xml" "$@" tests/lab || code=$?
fi
# Who ends without a report, or with half of one, has not passed, whatever its exit code says.
"$python" -B tests/lab/summary.py "$reports"/*.xml >build/summary/check-lab || code=1
cat build/summary/check-lab
exit "$code"
