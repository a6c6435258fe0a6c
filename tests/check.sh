#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check.sh NAME PROGRAM...
#
# Runs test programs one after the other and prints one summary line. Output is shown for those
# that fail, and for skipped cases. T=name runs one, WRAP='valgrind -q' puts a program in front,
# NAME says which check this is. The summary is kept in build/summary/NAME for `make test`.
set -eu

name=$1
shift
passed=0
failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT TERM HUP

for program in "$@"; do
	test=${program##*/}
	case ${T:-$test} in
	"$test" | "${test#test-}") ;;
	*) continue ;;
	esac
	# shellcheck disable=SC2086 # WRAP is a list of words
	if ${WRAP:-} "$program" >"$output" 2>&1; then
		passed=$((passed + 1))
		cases=$(grep -c '^\[ *OK *\]' "$output" || true)
		echo "  ok      $test ($cases cases)"
		grep '^\[ *SKIPPED *\]' "$output" || true
	else
		failed=$((failed + 1))
		cat "$output"
		echo "  FAILED  $test"
	fi
done

if [ $((passed + failed)) = 0 ]; then
	echo "$name: no test program${T:+ named $T}" >&2
	exit 1
fi
mkdir -p build/summary
echo "$name: $passed passed, $failed failed" | tee "build/summary/$name"
[ "$failed" = 0 ]
