#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check.sh ARCH    arm64, armhf, armv6 or i386: the unit tests as programs of that architecture
#
# Theory of operation: the libraries of ARCH lie in a folder of their own (build/ports/SUITE-ARCH), taken
# out of Debian's packages by mmdebstrap and never configured, so that no user but ourselves and no
# emulator is needed to make it. The compiler is the machine's cross-compiler; the programs run under
# qemu-user with that folder for their libraries and this machine's /proc, /sys, /dev and /etc.
# armv6: Debian has no ARMv6 with hard floats, Raspberry Pi OS has. Its armel is ARMv5, so that what
# comes of our own files with -march=armv6 runs on a processor that knows no more: an arm1176, as in
# the Pi 1 and Zero. Before, our own files are compiled with hard floats as Raspberry Pi OS does, and
# each object is asked what it needs (our own files alone: Debian's armhf runtime is ARMv7).
# i386: 32 bits on this 64-bit kernel with nothing emulated, as an armhf system with an arm64 kernel.
# SHORT=1: what knows of word sizes, and the parsers. What an emulator cannot do stands in limits.
set -eu

arch=${1:?usage: check.sh arm64|armhf|armv6|i386}
suite=${SUITE:-bookworm}
cpu=
flags=
libc_packages=libc6-dev
case $arch in
arm64) debian=arm64 triplet=aarch64-linux-gnu qemu=qemu-aarch64-static ;;
armhf) debian=armhf triplet=arm-linux-gnueabihf qemu=qemu-arm-static cpu=cortex-a7 ;;
armv6) debian=armel triplet=arm-linux-gnueabi qemu=qemu-arm-static cpu=arm1176
	flags='-march=armv6+fp -mfloat-abi=softfp -marm' ;;
# The old floating point unit of a PC computes with more digits than any Pi.
i386) debian=i386 triplet=i686-linux-gnu qemu='' flags='-msse2 -mfpmath=sse' ;;
*)
	echo "check.sh: '$arch' is none of arm64, armhf, armv6 and i386" >&2
	exit 2
	;;
esac
cd "$(dirname "$0")/../.."
. tests/deb/root.sh
libraries=$triplet
[ "$debian" != i386 ] || libraries=i386-linux-gnu
root=$PWD/build/ports/$suite-$debian
variant=$arch-check
[ "$suite" = bookworm ] || variant=$arch-$suite-check
build=build/$variant
jobs=${JOBS:-$(nproc)}

# The -dev packages of what is linked, from the one table.
packages() {
	sh tests/deps.sh --list build | tr ' ' '\n' | grep -e '-dev$' | grep -v "^$libc_packages\$"
	echo libcmocka-dev
}

need() {
	command -v "$1" >/dev/null 2>&1 || {
		echo "check-ports: $1 is not installed; type: sudo sh tests/deps.sh ports" >&2
		exit 2
	}
}

make_root() {
	mirror=${MIRROR:-http://deb.debian.org/debian}
	remove_tree "$root"
	remove_tree "$root.new"
	mkdir -p build/ports
	echo "taking the libraries of $suite for $debian out of their packages"
	# What it mounts as root is seen by it alone; as somebody else it sees to that itself.
	alone='unshare --mount --propagation private' mode=root
	[ "$(id -u)" = 0 ] || alone='' mode=auto
	# shellcheck disable=SC2086 # a list of words
	$alone mmdebstrap --quiet --variant=extract --mode=$mode \
		--architectures="$debian" --include="$libc_packages,$(packages | paste -sd,)" \
		"$suite" "$root.new" "deb $mirror $suite main"
	# What is not a library is this machine's: the emulator looks here first, for each path.
	for name in dev etc proc run sys tmp var; do
		rm -rf "${root:?}.new/$name"
	done
	for name in dev etc proc run sys; do
		ln -s "/$name" "$root.new/$name"
	done
	# libm.so points to /lib, which for the linker is this machine's.
	find "$root.new/usr/lib" -type l -lname '/*' | while read -r name; do
		ln -sfn "$root$(readlink "$name")" "$name"
	done
	packages >"$root.new/packages"
	mv "$root.new" "$root"
}

compile() {
	link=
	if [ -z "$qemu" ]; then
		link="-Wl,--dynamic-linker=$root/lib/ld-linux.so.2 -Wl,--disable-new-dtags,-rpath,$root/usr/lib/$libraries:$root/lib/$libraries"
	fi
	PKG_CONFIG_LIBDIR=$root/usr/lib/$libraries/pkgconfig:$root/usr/share/pkgconfig \
		PKG_CONFIG_SYSROOT_DIR=$root make --no-print-directory -s -j"$jobs" \
		VARIANT="$variant" CC="$triplet-gcc --sysroot=$root" AR="$triplet-ar" \
		CFLAGS="$flags" LDFLAGS="$link" CI="$([ "$arch" = i386 ] || echo 1)" Q=@ say= "$@"
}

# What a program or an object needs of a processor: v6, v7, ...
processor_of() {
	"$triplet-readelf" -A "$1" | sed -n 's/.*Tag_CPU_arch: //p'
}

# Our own files as Raspberry Pi OS compiles them for the Pi 1 and Zero.
# shellcheck disable=SC2016 # the quoted program has arguments of its own
check_own_objects() {
	folder=build/armv6-objects
	mkdir -p $folder
	count=0
	for file in agent/*.c agent/ctl/*.c collectors/*.c notifiers/*.c notifiers/post/*.c; do
		echo "$file"
	done | xargs -P "$jobs" -I '{}' sh -ec 'object=$1/$(echo "$2" | tr / -).o
		[ "$object" -nt "$2" ] || exec arm-linux-gnueabihf-gcc --sysroot="$3" -march=armv6+fp \
			-mfloat-abi=hard -marm -std=c17 -O2 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
			-D_TIME_BITS=64 -DHOSTINGPI_VERSION=\"\" -I. -I"$3/usr/include/cjson" \
			-idirafter "$3/usr/include/arm-linux-gnueabi" -c -o "$object" "$2"' \
		compile $folder '{}' "$PWD/build/ports/$suite-armel"
	for object in "$folder"/*.o; do
		needs=$(processor_of "$object")
		if [ "$needs" != v6 ] || ! "$triplet-readelf" -A "$object" | grep -q 'Tag_ABI_VFP_args'; then
			echo "check-ports: $object needs ARM$needs, expected v6 with hard floats" >&2
			return 1
		fi
		count=$((count + 1))
	done
	# Each would be a lock in a library of its own (libatomic), or an instruction of ARMv6K and later. What
	# __sync_..._1 to _4 ask of the kernel is in libgcc.
	if "$triplet-nm" -u "$folder"/*.o | grep -E '__atomic_|__sync_.*_8' >&2 ||
		"$triplet-objdump" -d "$folder"/*.o | grep -wE 'ldrexd|strexd|dmb|movw|movt|sdiv|udiv' >&2; then
		echo "check-ports: the calls or instructions above are not ARMv6" >&2
		return 1
	fi
	echo "  ok      $count objects of ours for the Pi 1 and Zero (ARMv6, hard floats), no 64-bit atomics"
}

check_processor() {
	for program in $build/hostingpid $build/hostingpictl $build/hostingpi-post; do
		[ -e "$program" ] || continue
		case $arch:$(processor_of "$program") in
		armv6:v6 | armhf:v7 | arm64:* | i386:*) ;;
		*)
			echo "check-ports: $program is for ARM$(processor_of "$program"), not for $arch" >&2
			exit 1
			;;
		esac
	done
}

tests() {
	if [ -n "${T:-}" ]; then
		echo "test-${T#test-}"
	elif [ -n "${SHORT:-}" ]; then
		basename -s .c tests/unit/test-abi.c tests/unit/test-*-parse.c tests/unit/test-conf*.c \
			tests/unit/test-mqtt-pack.c tests/unit/test-procfs.c tests/unit/test-history*.c \
			tests/unit/test-handover*.c tests/unit/test-state.c tests/unit/test-past.c
	else
		basename -s .c tests/unit/test-*.c
	fi
}

need mmdebstrap
need "$triplet-gcc"
[ -z "$qemu" ] || need $qemu
[ "$arch" != armv6 ] || need arm-linux-gnueabihf-gcc
packages | cmp -s - "$root/packages" || make_root
programs=$(tests | sed "s|^|$build/tests/|")
echo "compiling $(echo "$programs" | wc -l) test programs with $triplet-gcc${flags:+ $flags}"
# shellcheck disable=SC2046,SC2086
compile $([ -n "${SHORT:-}${T:-}" ] || echo all) $programs
check_processor
[ "$arch" != armv6 ] || [ -n "${SHORT:-}${T:-}" ] || check_own_objects
# -B: where a program of 32 bits has its address 0. SIGBUS names an address of the emulator, cut to 32 bits: from
# 4 GiB on that is the program's own.
export PORTS_ARCH="$arch" PORTS_RUN="${qemu:+$qemu ${cpu:+-cpu $cpu -B 0x100000000} -L $root}" HOSTINGPI_BUILD="$build"
# shellcheck disable=SC2086
T='' WRAP='sh tests/ports/run.sh' JOBS="$jobs" exec sh tests/check.sh "check-ports-$arch" $programs
