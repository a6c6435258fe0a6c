#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fuzz.sh PROGRAM...
#
# Runs each libFuzzer program for FUZZ_SECONDS (default 60), as many at a time as there are
# processors. Seeds come from tests/fuzz/corpus/NAME, a dictionary from tests/fuzz/NAME.dict; what
# is found while running stays in build/fuzz/corpus/NAME and speeds up the next run. T=name runs one.
# An input that breaks a parser is written to build/fuzz/findings/.
set -eu

seconds=${FUZZ_SECONDS:-60}

run_one() {
	name=${1##*/fuzz-}
	mkdir -p "build/fuzz/corpus/$name" build/fuzz/findings
	rm -f "build/fuzz/findings/$name.failed"
	set -- "$1" -max_total_time="$seconds" -timeout=10 -verbosity=0 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/findings/$name-"
	if [ -f "tests/fuzz/$name.dict" ]; then
		set -- "$@" -dict="tests/fuzz/$name.dict"
	fi
	set -- "$@" "build/fuzz/corpus/$name"
	if [ -d "tests/fuzz/corpus/$name" ]; then
		set -- "$@" "tests/fuzz/corpus/$name"
	fi
	log=build/fuzz/findings/$name.log
	if "$@" >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "  ok      fuzz-$name (${runs:-0} inputs in $seconds s)"
		rm -f "$log"
	else
		cat "$log"
		echo "  FAILED  fuzz-$name"
		touch "build/fuzz/findings/$name.failed"
	fi
}

if [ "${1:-}" = --one ]; then
	run_one "$2"
	exit 0
fi
count=0
for program in "$@"; do
	shift
	case ${T:-${program##*/fuzz-}} in
	"${program##*/}" | "${program##*/fuzz-}")
		set -- "$@" "$program"
		count=$((count + 1))
		;;
	esac
done
if [ $count = 0 ]; then
	echo "fuzz: no fuzz target${T:+ named $T}" >&2
	exit 1
fi
rm -f build/fuzz/findings/*.failed
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 sh "$0" --one
failed=$(find build/fuzz/findings -name '*.failed' 2>/dev/null | wc -l)
mkdir -p build/summary
echo "fuzz: $((count - failed)) passed, $failed failed ($seconds s each)" | tee build/summary/fuzz
[ "$failed" = 0 ]
