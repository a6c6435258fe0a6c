#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM    a test program of another architecture, for tests/check.sh
#
# PORTS_RUN is what emulates it (nothing: it runs by itself), PORTS_ARCH its architecture. Cases that fail and stand in
# tests/ports/limits for that architecture are said to be skipped, with the reason; any other ends with 1.
# A program that would hang or die there has * for its case and is not started.
set -eu

program=$1
name=${program##*/}
limits=$(dirname "$0")/limits
output=$(mktemp)
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT TERM HUP

# limit CASE: the reason, nothing if there is none.
limit() {
	awk -v arch="$PORTS_ARCH" -v name="$name" -v case="$1" '
		$0 !~ /^#/ && index("," $1 ",", "," arch ",") && $2 == name && $3 == case {
			sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, ""); print; exit }' "$limits"
}

reason=$(limit '*')
if [ -n "$reason" ]; then
	echo "[ SKIPPED  ] $name: $reason"
	exit 0
fi
status=0
# shellcheck disable=SC2086 # a list of words
timeout "${PORTS_SECONDS:-900}" ${PORTS_RUN:-} "$program" >"$output" 2>&1 || status=$?
if [ $status = 0 ]; then
	cat "$output"
	exit 0
fi
# cmocka ends with the number of failed cases; a signal or the time limit leaves no list of them.
cases=$(sed -nE 's/^\[ +(FAILED|ERROR) +\] ([a-z][a-z0-9_]*)$/\2/p' "$output" | sort -u)
bad=
for case in $cases; do
	[ -n "$(limit "$case")" ] || bad="$bad $case"
done
if [ -z "$cases" ] || [ -n "$bad" ] || [ $status -ge 124 ]; then
	cat "$output"
	echo "run.sh: $name ended with $status${bad:+; not among the limits of the emulator:$bad}"
	exit 1
fi
grep -E '^\[ +OK +\]' "$output" || true
for case in $cases; do
	echo "[ SKIPPED  ] $name $case: $(limit "$case")"
done
