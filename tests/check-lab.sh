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
set -eu

# check-lab.sh --one FILE PYTHON REPORTS: one file in its own world; its report goes to that folder.
if [ "${1:-}" = --one ]; then
	name=$(basename "$2" .py)
	# Processes of the lab that outlive their test end with the namespace; its first process is a shell,
	# which collects the orphans.
	if unshare --net --pid --mount --fork --kill-child --mount-proc --propagation private -- \
		sh -c 'ip link set lo up && "$@"; exit $?' sh \
		"$3" -B -m pytest -q -rs -p no:cacheprovider --junit-xml="$4/$name.xml" "$2" \
		>"$4/$name.log" 2>&1; then
		code=0
	else
		code=$?
	fi
	flock "$4" sed 's/^/  /' "$4/$name.log"
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
else
	"$python" -B -m pytest -q -rs -p no:cacheprovider --junit-xml="$reports/all.xml" "$@" tests/lab || code=$?
fi
# Who ends without a report, or with half of one, has not passed, whatever its exit code says.
"$python" -B tests/lab/summary.py "$reports"/*.xml >build/summary/check-lab || code=1
cat build/summary/check-lab
exit "$code"
