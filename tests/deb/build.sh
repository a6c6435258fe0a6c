#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh ARCH [SUITE]    packages for amd64, arm64 or armhf, in a clean root of SUITE (bookworm)
#
# Theory of operation: a root per architecture and suite is made by mmdebstrap with what building needs
# and nothing else, and kept in build/deb. Foreign architectures are cross-built in it: liboauth-dev
# cannot be there for two architectures at once, so that each gets a root of its own. The source
# is what `make dist` packs; its version gets a suffix that says for which Debian it was built (~deb12), so that
# the packages of two releases are told apart and follow each other. While debian/changelog says UNRELEASED
# the commit is in the version, too, below that of the release. With TWICE=1 it is built a second time, in another
# folder, and both must be the same bytes. NOCHECK=1 leaves the unit tests out. Packages end up in build/deb/SUITE-ARCH.
set -eu

arch=${1:?usage: build.sh amd64|arm64|armhf [SUITE]}
suite=${2:-bookworm}
cd "$(dirname "$0")/../.."
. tests/deb/root.sh
work=$PWD/build/deb
root=$work/root-$suite-$arch
out=$work/$suite-$arch

say() {
	echo "build.sh: $*" >&2
}

case $arch in
amd64 | arm64 | armhf) ;;
*)
	say "'$arch' is no architecture that is built here: amd64, arm64 or armhf"
	exit 2
	;;
esac
case $suite in
bookworm) release=12 ;;
trixie) release=13 ;;
*)
	say "'$suite' is no Debian that packages are built for: bookworm or trixie"
	exit 2
	;;
esac
if [ "$(id -u)" != 0 ]; then
	say "clean roots are made as root. Type: sudo make deb ARCH=$arch SUITE=$suite"
	say "or, with the libraries of this machine: sudo apt build-dep . && dpkg-buildpackage -b -us -uc"
	exit 2
fi
sh tests/deps.sh deb
native=$(dpkg --print-architecture)

# The names of Build-Depends, with the architecture that they are for.
depends() {
	sed -n '/^Build-Depends:/,/^[^ ]*:/p' debian/control |
		sed '1s/^[^:]*://; /^Standards/d; s/([^)]*)//g; s/<[^>]*>//g' | tr ',' '\n' | tr -d ' ' |
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
	echo "making a clean root of $suite for $arch, a minute or a few"
	make_tree "$root" "$suite" "$tools,$(depends | paste -sd,)" \
		--architectures="$native$([ "$arch" = "$native" ] || echo ",$arch")"
	depends >"$root/build-depends"
}

# The version of the package: the release, or a snapshot on the way to it, and the Debian that it is for.
version() {
	next=$(dpkg-parsechangelog -SVersion)
	if [ "$(dpkg-parsechangelog -SDistribution)" = UNRELEASED ]; then
		commit=$(tar -xOf "$dist" --wildcards '*/VERSION' | sed -n 's/.*[+-]g\{0,1\}\([0-9a-f]\{7,\}\)\(-dirty\)\{0,1\}$/.\1\2/p' | tr - +)
		next=$next~git$(date -u -d "@$epoch" +%Y%m%d.%H%M)$commit
	fi
	echo "$next~deb$release"
}

# build_in FOLDER: leaves the packages in FOLDER.
build_in() {
	log=$work/$suite-$arch-$(basename "$1").log
	remove_tree "$root/$1"
	mkdir -p "$root/$1"
	tar -C "$root/$1" -xf "$dist"
	folder=$(ls "$root/$1")
	{
		printf 'hostingpi (%s) %s; urgency=medium\n\n  * Built for Debian %s.\n\n' "$version" "$suite" "$release"
		printf ' -- %s  %s\n\n' "$(dpkg-parsechangelog -SMaintainer)" "$(date -u -R -d "@$epoch")"
		cat debian/changelog
	} >"$root/$1/$folder/debian/changelog"
	# Once is enough for the unit tests; where they run they must not change the packages.
	checks=nocheck
	[ "$arch $1${NOCHECK:-}" != "$native one" ] || checks=
	echo "building for $arch, some minutes: $log"
	in_root "$root" env SOURCE_DATE_EPOCH="$epoch" DEB_BUILD_OPTIONS="parallel=$(nproc) $checks" \
		sh -ec "cd /$1/$folder && dpkg-buildpackage -b -us -uc -a$arch $([ "$arch" = "$native" ] || echo -Pcross,nocheck)" \
		>"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		say "building for $arch failed; all of it: $log"
		exit 1
	}
	grep -E '^check: ' "$log" || true
}

mkdir -p "$work"
[ -n "${HAVE_LOCK:-}" ] || one_at_a_time "$work/lock"
depends | cmp -s - "$root/build-depends" || make_root
make --no-print-directory dist
dist=$(ls build/dist/*.tar.xz)
# When the last change of the source was made; the same in every build of it.
epoch=$(TZ=UTC tar -tvf "$dist" --full-time | awk 'NR == 1 { print $4 " " $5 " UTC" }')
epoch=$(date -d "$epoch" +%s)
version=$(version)

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
echo "packages in $out:"
cd "$out"
sha256sum ./*.deb
