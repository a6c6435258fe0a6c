#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deps.sh GROUP...        groups: build run test bench vm ports deb lintian boot
# deps.sh --list GROUP    the names of the packages, nothing else
#
# Theory of operation: looks which Debian packages of the groups are missing. None: says nothing and
# ends well, also without network. As root it installs them with apt; as a user it prints the one
# line to type and ends with 1. Debian's daemons are wanted as programs only: while packages are
# installed a policy-rc.d refuses to start any service, and what the new packages enabled for the
# next boot is disabled again. Daemons that were on this machine before are left as they are.
set -eu

# The one table of packages. libclang-rt: the sanitizer libraries of the clang that is there.
# libc6-dev and ca-certificates are said because recommended packages are not installed.
packages() {
	case $1 in
	build) echo gcc libc6-dev make pkg-config git libuv1-dev libmosquitto-dev libssl-dev \
		libinih-dev libcjson-dev libsensors-dev libhttp-parser-dev libcurl4-openssl-dev \
		liboauth-dev libunistring-dev ;;
	run) echo mosquitto mosquitto-clients haproxy nginx-light python3 procps ca-certificates ;;
	test) echo libcmocka-dev python3-pytest python3-jinja2 python3-jsonschema apache2 lighttpd \
		lighttpd-modules-lua php-fpm caddy clang libclang-rt clang-format shellcheck zsh mandoc groff-base strace iproute2 openssl nftables \
		universal-ctags python3-oauthlib unbound tayga curl prometheus chromium chromium-driver \
		python3-selenium keepalived python3-yaml rsync ;;
	bench) echo collectd-core strace openssl iproute2 wrk apache2 lighttpd php-fpm ;;
	vm) echo qemu-system-arm gcc-aarch64-linux-gnu haproxy e2fsprogs python3 \
		debian-archive-keyring iproute2 ;;
	ports) echo mmdebstrap debian-archive-keyring qemu-user-static pkg-config make binutils \
		gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross \
		gcc-arm-linux-gnueabi libc6-dev-armel-cross gcc-i686-linux-gnu libc6-dev-i386-cross ;;
	deb) echo mmdebstrap dpkg-dev git make xz-utils iproute2 debian-archive-keyring ;;
	lintian) echo lintian ;;
	boot) echo mmdebstrap mosquitto mosquitto-clients openssl iproute2 util-linux ;;
	*)
		echo "deps.sh: unknown group '$1', expected build, run, test, bench, vm, ports, deb, lintian or boot" >&2
		exit 2
		;;
	esac
}

# Services that the packages above, or others that the lab wants later, bring with them.
# php-fpm brings the service of Debian 12 or of Debian 13.
daemons='mosquitto haproxy nginx apache2 lighttpd caddy php8.2-fpm php8.4-fpm unbound tayga keepalived collectd prometheus rsync'
policy=/usr/sbin/policy-rc.d
mark='written by hostingpi tests/deps.sh'

installed() {
	case $1 in
	nginx-light) [ -x /usr/sbin/nginx ] && return 0 ;; # any flavour of it will do
	esac
	case $(dpkg-query -W -f='${db:Status-Status} ' "$1" 2>/dev/null) in
	'installed '*) ;; # several words where two architectures are installed
	*) return 1 ;;
	esac
}

# The package with the sanitizer libraries for Debian's default clang; nothing where clang brings
# them itself (before Debian 12).
clang_runtime() {
	version=$({ dpkg-query -W -f='${Depends}\n' clang || apt-cache depends clang; } 2>/dev/null |
		sed -n 's/.*clang-\([0-9][0-9]*\).*/\1/p' | head -n 1)
	if [ -n "$version" ]; then
		installed "libclang-rt-$version-dev" ||
			apt-cache show "libclang-rt-$version-dev" >/dev/null 2>&1 || return 0
		echo "libclang-rt-$version-dev"
	fi
}

missing() {
	for package in $wanted; do
		if [ "$package" = libclang-rt ]; then
			package=$(clang_runtime)
		fi
		if [ -n "$package" ] && ! installed "$package"; then
			printf ' %s' "$package"
		fi
	done
}

# A service counts as there when its package is fully set up: one that an interrupted run left half
# installed is still new.
service_there() {
	[ ! -f "/etc/systemd/system/$1.service" ] || return 0 # made by hand
	for file in "*/systemd/system/$1.service" "/etc/init.d/$1"; do
		owner=$(dpkg-query -S "$file" 2>/dev/null | sed -n '1s/[:,].*//p')
		if [ -n "$owner" ] && installed "$owner"; then
			return 0
		fi
	done
	return 1
}

absent_services() {
	for name in $daemons; do
		service_there "$name" || printf '%s ' "$name"
	done
}

forbid_services() {
	if [ -e "$policy" ] || [ -L "$policy" ]; then
		# Ours is the leftover of a run that was killed; what it replaced is still aside.
		if ! grep -q "$mark" "$policy" 2>/dev/null; then
			mv "$policy" "$policy.hostingpi-kept"
		fi
	fi
	printf '#!/bin/sh\n# %s; refuses to start services\nexit 101\n' "$mark" >"$policy"
	chmod 755 "$policy"
}

disable_new_services() {
	for name in $new; do
		if command -v systemctl >/dev/null 2>&1; then
			systemctl --no-reload disable "$name.service" >/dev/null 2>&1 || true
		else
			deb-systemd-helper disable "$name.service" >/dev/null 2>&1 || true
		fi
		if [ -e "/etc/init.d/$name" ]; then
			update-rc.d "$name" disable >/dev/null 2>&1 || true
		fi
	done
}

# Also after Ctrl-C in the middle of the installation.
tidy_up() {
	disable_new_services
	if grep -q "$mark" "$policy" 2>/dev/null; then
		rm -f "$policy"
	fi
	if [ -e "$policy.hostingpi-kept" ] || [ -L "$policy.hostingpi-kept" ]; then
		mv "$policy.hostingpi-kept" "$policy"
	fi
}

say_what_to_type() {
	echo "Missing packages. Type:" >&2
	echo "  sudo apt install --no-install-recommends$lacking" >&2
	for name in $(absent_services); do
		case $lacking in
		*" $name"*)
			echo "or, so that no new daemon is started or enabled as a service:" >&2
			echo "  sudo sh $0 $groups" >&2
			break
			;;
		esac
	done
	exit 1
}

if [ "${1:-}" = --list ]; then
	packages "${2:-none}"
	exit
fi
[ $# -gt 0 ] || set -- none
groups=$*
wanted=
for group in "$@"; do
	wanted="$wanted $(packages "$group")"
done
lacking=$(missing)
[ -n "$lacking" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	say_what_to_type
fi

# One installation at a time: parallel make runs would fight for the policy file.
exec 9<"$0"
flock 9
lacking=$(missing)
[ -n "$lacking" ] || exit 0

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
echo "Installing with apt:$lacking"
apt-get -q -o DPkg::Lock::Timeout=300 update 9<&- || {
	echo "deps.sh: apt-get update failed (no network?); needed:$lacking" >&2
	exit 1
}
lacking=$(missing) # the package lists may name another clang now
new=$(absent_services)
trap tidy_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
forbid_services
dpkg --force-confold --configure -a # what an interrupted run left; nothing otherwise
# shellcheck disable=SC2086 # a list of words
apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold \
	--no-install-recommends install $lacking 9<&-
