#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh ARCH [SUITE]    packages for amd64, arm64 or armhf, in a clean root of SUITE (bookworm)
#
# Theory of operation: a root per architecture and suite is made by mmdebstrap with what building needs
# and nothing else, and kept in build/deb. Foreign architectures are cross-built in it: liboauth-dev
# cannot be there for two architectures at once, so that each gets a root of its own. The source
# is what `make dist` packs. With TWICE=1 it is built a second time, in another folder, and both
# must be the same bytes. Packages end up in build/deb/SUITE-ARCH.
set -eu

arch=${1:?usage: build.sh amd64|arm64|armhf [SUITE]}
suite=${2:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
native=$(dpkg --print-architecture)
cd "$(dirname "$0")/../.."
top=$PWD
work=$top/build/deb
root=$work/root-$suite-$arch
out=$work/$suite-$arch
epoch=$(dpkg-parsechangelog -STimestamp)
export SOURCE_DATE_EPOCH="$epoch"

case $arch in
amd64 | arm64 | armhf) ;;
*)
	echo "build.sh: '$arch' is no architecture that is built here: amd64, arm64 or armhf" >&2
	exit 2
	;;
esac
if [ "$(id -u)" != 0 ]; then
	echo "build.sh: clean roots are made as root: sudo make deb ARCH=$arch" >&2
	exit 2
fi

# The names of Build-Depends, with the architecture that they are for.
depends() {
	sed -n '/^Build-Depends:/,/^[^ ]*:/p' debian/control |
		sed '1s/^[^:]*://; /^Standards/d; s/([^)]*)//g' | tr ',' '\n' | tr -d ' ' |
		sed '/^$/d; s/^debhelper-compat$/debhelper/' | while read -r name; do
		case $name in
		debhelper) echo "$name" ;;
		*) echo "$name:$arch" ;;
		esac
	done
}

make_root() {
	tools=build-essential
	[ "$arch" = "$native" ] || tools=$tools,crossbuild-essential-$arch
	rm -rf "$root" "$root.new"
	mkdir -p "$work"
	echo "making a clean root of $suite for $arch"
	mmdebstrap --quiet --variant=minbase --mode=root \
		--architectures="$native$([ "$arch" = "$native" ] || echo ",$arch")" \
		--include="$tools,libcmocka-dev:$arch,$(depends | paste -sd,)" \
		"$suite" "$root.new" "deb $mirror $suite main"
	depends >"$root.new/build-depends"
	mv "$root.new" "$root"
}

# build_in FOLDER: leaves the packages in FOLDER.
build_in() {
	log=$work/$suite-$arch-$(basename "$1").log
	rm -rf "$root/$1"
	mkdir -p "$root/$1"
	tar -C "$root/$1" -xf "$dist"
	folder=$(ls "$root/$1")
	checks=nocheck
	[ "$arch" != "$native" ] || checks=
	# What a builder has: processes, shared memory and no network.
	unshare --mount --net --pid --fork sh -ec 'root=$1; shift
		ip link set lo up
		mount -t proc proc "$root/proc"
		mount -t sysfs -o ro sysfs "$root/sys"
		mkdir -p "$root/dev/shm"
		mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
		exec chroot "$root" "$@"' build "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		SOURCE_DATE_EPOCH="$epoch" DEB_BUILD_OPTIONS="parallel=$(nproc) $checks" \
		sh -ec "cd /$1/$folder && dpkg-buildpackage -b -us -uc -a$arch $([ "$arch" = "$native" ] || echo -Pcross,nocheck)" \
		>"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		echo "build.sh: building for $arch failed; all of it: $log" >&2
		exit 1
	}
}

depends >"$work.depends.$$" 2>/dev/null || { mkdir -p "$work" && depends >"$work.depends.$$"; }
cmp -s "$work.depends.$$" "$root/build-depends" || make_root
rm -f "$work.depends.$$"
make --no-print-directory dist
dist=$(ls -t build/dist/*.tar.xz | head -n 1)

build_in one
rm -rf "$out"
mkdir -p "$out"
cp "$root"/one/*.deb "$root"/one/*.buildinfo "$root"/one/*.changes "$out"
if [ -n "${TWICE:-}" ]; then
	build_in elsewhere/two
	for package in "$out"/*.deb; do
		cmp "$package" "$root/elsewhere/two/$(basename "$package")"
	done
	echo "built twice, the same bytes:"
fi
cd "$out"
sha256sum ./*.deb
