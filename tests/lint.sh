#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lint.sh: looks at the sources without running them; every rule of CONTRIBUTING.md that a program
# can check. Each check is a function that prints what is wrong; none stops the others. A check
# whose tool is missing is skipped loudly. Ends with 1 if any check failed.
set -eu

passed=0
failed=0
skipped=0
folder=$(mktemp -d)
found=$folder/found
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM HUP

c_files=$(find agent collectors notifiers tests -name '*.[ch]' | sort)
own_files=$(find agent collectors notifiers -name '*.[ch]' | sort)
scripts=$({ find tests -name '*.sh' && echo .ci/run && grep -rlE '^#!/bin/(ba)?sh' examples debian; } | sort)
python_files=$(find tests -name '*.py' | sort)
man_pages=$(find man -name '*.[1-9]' 2>/dev/null | sort)

# check "what is proven" FUNCTION [TOOL]
check() {
	if [ -n "${3:-}" ] && ! command -v "$3" >/dev/null 2>&1; then
		echo "  SKIPPED $1: $3 is not installed (make deps)"
		skipped=$((skipped + 1))
		return 0
	fi
	if "$2" >"$found" 2>&1; then
		echo "  ok      $1"
		sed 's/^/            /' "$found"
		passed=$((passed + 1))
	else
		echo "  FAILED  $1"
		sed 's/^/            /' "$found"
		failed=$((failed + 1))
	fi
}

# Fails if its input has lines, and shows them.
none() {
	! grep .
}

layout() {
	# shellcheck disable=SC2086
	clang-format --dry-run -Werror $c_files >"$found.sizes" 2>&1 && return 0
	grep 'error: ' "$found.sizes" | cut -d: -f1,2 | sort -u -t: -k1,1 -k2,2n ||
		cat "$found.sizes"
	echo "type: make format"
	return 1
}

# Every #include "..." of a folder must start with one of the allowed prefixes.
includes_of() {
	folder=$1
	allowed=$2
	find "$folder" -name '*.[ch]' \
		-exec grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' {} + |
		grep -vE "include[[:space:]]*\"($allowed)/[^\"]*\""
	# ... and neither way around that: through the folder above, or written like a system header.
	find "$folder" -name '*.[ch]' -exec grep -nHE \
		'include[[:space:]]*("[^"]*\.\./|<[^>]*\.\./|<(agent|collectors|notifiers|tests)/)' {} +
}

include_direction() {
	{
		includes_of agent 'agent'
		includes_of collectors 'agent|collectors'
		includes_of notifiers 'agent|notifiers'
	} | sed 's/$/   <- wrong direction/' | none || return 1
	# shellcheck disable=SC2086
	echo "$(cat $own_files | grep -cE '#[[:space:]]*include[[:space:]]*"') includes checked"
}

# A library's header may be seen by the named files only.
only_in() {
	header=$1
	files=$2
	# shellcheck disable=SC2086
	grep -nHE "include[[:space:]]*[<\"]${header}[>\"]" $own_files | grep -vE "^($files):" |
		sed "s,\$,   <- $header is for $files,"
}

# ... and by one of them only.
in_one_file() {
	# shellcheck disable=SC2086
	if [ "$(grep -lE "include[[:space:]]*[<\"]${1}[>\"]" $own_files | wc -l)" -gt 1 ]; then
		echo "$1 is included by more than one file"
	fi
}

library_borders() {
	{
		only_in '(uv|uv/.*)\.h' 'agent/loop[a-z_]*\.c'
		only_in 'mosquitto\.h' 'notifiers/mqtt_client\.c'
		only_in 'sensors/.*\.h' 'collectors/[a-z_]*\.c'
		only_in 'curl/.*\.h' 'notifiers/post/wire\.c'
		only_in 'oauth\.h' 'notifiers/post/oauth\.c'
		only_in 'uni(str|norm|gbrk|ctype)\.h' 'notifiers/post/text\.c'
		only_in 'mqtt_protocol\.h' 'notifiers/mqtt_client\.c'
		only_in 'openssl/.*\.h' 'notifiers/mqtt_tls\.c'
		in_one_file 'mosquitto\.h'
		in_one_file 'sensors/.*\.h'
	} | none
}

# On a Pi with 32 bits Debian 12 and Raspberry Pi OS built their libraries with a time_t of 32 bits, we
# have one of 64 (-D_TIME_BITS=64). So none of these types may cross a library's border: the files
# that see a library do not name them, but for a clock of libc's, and no call that takes or gives one is
# made. (openssl: SSL_SESSION_get_time() and the like are long, which is as bad after 2038.)
time_across_libraries() {
	# shellcheck disable=SC2086
	borders=$(grep -lE 'include[[:space:]]*[<"](uv|mosquitto|sensors/.*|curl/.*|oauth|openssl/.*|http_parser)\.h[>"]' $own_files)
	{
		# shellcheck disable=SC2086
		grep -nHE '\b(time_t|off_t|ino_t|struct (timeval|timespec|stat|statfs|statvfs|rusage))\b' $borders |
			grep -vE '^agent/loop\.c:[0-9]+:[[:space:]]*struct timespec now;$'
		# shellcheck disable=SC2086
		grep -nHE '\b(uv_fs_|uv_gettimeofday|uv_clock_gettime|uv_getrusage|curl_getdate|curl_fileinfo|curl_multi_timeout|CURLINFO_FILETIME|(ASN1|X509)_[A-Za-z0-9_]*(cmp_time|time_adj|TIME_set|TIME_adj|time_t|set_time|get_time)\b|X509_cmp_timeframe|(SSL|OCSP|CT|TS|CMS)_[A-Za-z0-9_]*time(out|_ex|val)?\(|BIO_CTRL_DGRAM|DTLSv1_)' $own_files
	} | sed 's/$/   <- a time or a file of 64 bits at the border of a library of 32/' | none || return 1
	echo "$(echo "$borders" | wc -l) files see such a library"
}

file_sizes() {
	# shellcheck disable=SC2086
	wc -l $c_files $python_files $scripts | grep -v ' total$' | sort -rn >"$found.sizes"
	awk '$1 > 400 { print $2 ": " $1 " lines, 400 are allowed" }' "$found.sizes" | none || return 1
	awk 'NR == 1 { print "largest file: " $2 ", " $1 " lines" }' "$found.sizes"
}

function_sizes() {
	ctags --version | grep -q Universal || {
		echo "ctags is not Universal Ctags: it tells no ends of functions"
		return 1
	}
	# shellcheck disable=SC2086
	ctags -f - --output-format=u-ctags --sort=no --languages=C --langmap=C:.c.h \
		--kinds-C=f --fields=nef $c_files |
		awk -F '\t' '{
			line = end = 0
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) line = substr($i, 6)
				if ($i ~ /^end:/) end = substr($i, 5)
			}
			print end - line + 1, $1, $2 ":" line
		}' | sort -rn >"$found.sizes"
	awk '$1 > 60 { print $3 ": " $2 "() has " $1 " lines, 60 are allowed" }' "$found.sizes" |
		none || return 1
	awk 'NR == 1 { print "largest function: " $2 "() in " $3 ", " $1 " lines" }' "$found.sizes"
	echo "$(wc -l <"$found.sizes") functions measured"
}

no_conditions() {
	# shellcheck disable=SC2086
	grep -nHE '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif|else)' $own_files |
		grep -vE '\.h:[0-9]+:#ifndef HOSTINGPI_[A-Z0-9_]+_H$' | none
}

licence_lines() {
	for file in $c_files $python_files $scripts; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' ||
			echo "$file: no SPDX line at its top"
	done | none
}

documents() {
	python3 -B tests/documents.py
}

shell_scripts() {
	# shellcheck disable=SC2086
	shellcheck -x $scripts && shellcheck -s bash completion/*.bash
}

python_syntax() {
	# shellcheck disable=SC2086
	python3 -c 'import sys
for path in sys.argv[1:]:
    compile(open(path, encoding="utf-8").read(), path, "exec")' $python_files
}

manual_pages() {
	[ -n "$man_pages" ] || return 0
	# Our lines may be longer than 80 bytes, sections of a configuration end in a bracket, and whether other
	# pages are installed here says nothing about ours (on standard error: that the list of them is old).
	# shellcheck disable=SC2086
	mandoc -T lint -W style $man_pages 2>/dev/null |
		grep -vE 'longer than 80 bytes|trailing delimiter: Ss \[|referenced manual not found' |
		none || return 1
	for page in $man_pages; do
		mandoc -T html -W error "$page" >/dev/null || echo "$page: no HTML of it"
		# Bold and underlined letters are struck twice.
		mandoc -T utf8 -O width=78 "$page" | LC_ALL=C.UTF-8 sed 's/.\x08//g' |
			LC_ALL=C.UTF-8 grep -E '^.{81,}' | sed "s|^|$page: wider than 80 columns: |"
	done | none
}

# man(1) formats with groff.
manual_pages_groff() {
	for page in $man_pages; do
		groff -mandoc -ww -Tutf8 -z "$page" 2>&1
	done | none
}

# Both change logs are of one version, or both of one that is not out yet.
change_logs() {
	ours=$(sed -n 's/^## \([^ ]*\).*/\1/p' CHANGELOG.md | head -n 1)
	debians=$(sed -n '1s/^hostingpi (\(.*\)) \(.*\);.*/\1 \2/p' debian/changelog)
	case $ours,$debians in
	"Unreleased,"*" UNRELEASED") ;;
	*" UNRELEASED" | Unreleased,*) false ;;
	"${debians% *},"*) ;;
	*) false ;;
	esac || {
		echo "CHANGELOG.md begins with $ours, debian/changelog with $debians: CONTRIBUTING.md, Releasing"
		return 1
	}
	echo "${debians% *}, $([ "$ours" = Unreleased ] && echo 'not out yet' || echo out)"
}

unit() {
	sed 's|@SBINDIR@/hostingpid|/bin/true|' systemd/hostingpid.service >"$folder/hostingpid.service"
}

# Unknown keys, keys in the wrong section. The program and its user need not be there.
units() {
	unit
	systemd-analyze verify --man=no "$folder/hostingpid.service" 2>&1 |
		grep 'hostingpid.service' | none
}

# The threshold is in tenths: at most 2.0.
exposure() {
	unit
	systemd-analyze security --offline=yes --threshold=20 --no-pager \
		"$folder/hostingpid.service" >"$folder/exposure" && tail -n 1 "$folder/exposure" |
		sed 's/^[^O]*//; s/ [^ ]*$//'
}

more_warnings() {
	# shellcheck disable=SC2086
	cppcheck -q --enable=portability --inline-suppr --error-exitcode=1 --std=c11 \
		-D_GNU_SOURCE -I. $own_files
}

check 'layout (clang-format)' layout clang-format
check 'include direction: agent <- collectors, notifiers' include_direction
check 'libraries behind their borders' library_borders
check 'no time_t or off_t across a library (32 bits)' time_across_libraries
check 'files of at most 400 lines' file_sizes
check 'functions of at most 60 lines (ctags)' function_sizes ctags
check 'no conditional compilation' no_conditions
check 'licence lines' licence_lines
check 'documents: links, targets, commands, files' documents python3
check 'shell scripts (shellcheck)' shell_scripts shellcheck
check 'Python syntax' python_syntax python3
check 'manual pages (mandoc)' manual_pages mandoc
check 'manual pages (groff)' manual_pages_groff groff
check 'change logs of one version' change_logs
check 'unit (systemd-analyze verify)' units systemd-analyze
check 'unit (systemd-analyze security, at most 2.0)' exposure systemd-analyze
if command -v cppcheck >/dev/null 2>&1; then
	check 'cppcheck' more_warnings
fi

mkdir -p build/summary
echo "lint: $passed passed, $failed failed, $skipped skipped" | tee build/summary/lint
[ "$failed" = 0 ]
