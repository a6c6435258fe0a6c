#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check.sh [ARCH [SUITE]]    the packages of build/deb: what lintian says, what is in them, and what they do to a machine
#
# Theory of operation: builds them (DEBS=folder: those), looks at them from here, then puts them into a scratch root
# of that Debian, without network, and has inside.sh install, upgrade, remove and purge them there, the whole tree
# compared before and after. The root has the libraries and what shows manual pages and completions, and is kept in
# build/deb; each run works on a copy. SHORT=1 takes one without man and zsh, and builds without the unit tests. (That of
# the build will not do: it lacks what our packages depend on, and nothing can be fetched later.)
# Newer versions are the same packages with another number, one of them with another configuration file.
set -eu

arch=${1:-$(dpkg --print-architecture)}
suite=${2:-bookworm}
cd "$(dirname "$0")/../.."
. tests/deb/root.sh
work=$PWD/build/deb
debs=${DEBS:-$work/$suite-$arch}
scratch=$work/scratch-$suite-$arch
failed=0

say() {
	echo "check.sh: $*" >&2
}

# check "what is proven" COMMAND...
check() {
	what=$1
	shift
	if "$@" >"$work/found" 2>&1; then
		echo "  ok      $what"
	else
		echo "  FAILED  $what"
		failed=$((failed + 1))
	fi
	sed 's/^/            /' "$work/found"
}

if [ "$(id -u)" != 0 ]; then
	say "packages are installed as root. Type: sudo make check-deb"
	exit 2
fi
[ "$arch" = "$(dpkg --print-architecture)" ] || {
	say "programs for $arch do not run here; make check-guest tries them in an emulated machine"
	exit 2
}
sh tests/deps.sh deb lintian
mkdir -p "$work"
one_at_a_time "$work/lock"
if [ -z "${DEBS:-}" ]; then
	HAVE_LOCK=1 NOCHECK=${SHORT:-${NOCHECK:-}} sh tests/deb/build.sh "$arch" "$suite"
fi
agent=$(ls "$debs"/hostingpi_*_"$arch".deb)
post=$(ls "$debs"/hostingpi-post_*_"$arch".deb)
number=$(dpkg-deb -f "$agent" Version)

lintian_clean() {
	lintian --allow-root --pedantic --info --fail-on error,warning,info,pedantic "$debs"/*.changes
}

contents() {
	dpkg-deb --fsys-tarfile "$1" | tar -t | grep -v '/$' | sed 's/^\.//'
}

in_one_package() {
	contents "$agent" | LC_ALL=C sort >"$work/agent.list"
	contents "$post" | LC_ALL=C sort >"$work/post.list"
	if LC_ALL=C comm -12 "$work/agent.list" "$work/post.list" | grep .; then
		return 1
	fi
	echo "$(wc -l <"$work/agent.list") files in hostingpi, $(wc -l <"$work/post.list") in hostingpi-post"
}

# What `make install` wrote during the build is what the packages hold, but for what debhelper adds.
same_as_installed() {
	tree=$(echo "$work/root-$suite-$arch"/one/*/debian/tmp)
	(cd "$tree" && find . -type f | sed 's/^\.//') | LC_ALL=C sort >"$work/installed.list"
	cat "$work/agent.list" "$work/post.list" |
		sed -E 's/^(.*\/man[0-9]\/.*)\.gz$/\1/; /\/doc\/[^/]*\/(copyright|changelog\.gz)$/d; /\/lintian\/overrides\//d' |
		LC_ALL=C sort | diff "$work/installed.list" - && wc -l <"$work/installed.list" | sed 's/$/ files installed/'
}

# The user before the service; an upgrade never stops the service, it restarts it: only then the agent hands over.
script_order() {
	rm -rf "$work/control"
	dpkg-deb -e "$agent" "$work/control"
	user=$(grep -n 'systemd-sysusers' "$work/control/postinst" | head -n 1 | cut -d: -f1)
	start=$(grep -n 'deb-systemd-invoke' "$work/control/postinst" | head -n 1 | cut -d: -f1)
	echo "postinst: user in line $user, start in line $start"
	[ "$user" -lt "$start" ] || return 1
	grep -q '_dh_action=restart' "$work/control/postinst" || return 1
	# shellcheck disable=SC2016 # the text of the script
	grep -B 1 'deb-systemd-invoke stop' "$work/control/prerm" | grep -qF '"$1" = remove' || return 1
	if grep -nE 'https?://|\b(curl|wget|apt-get|gcc|make)\b' "$work/control/postinst" "$work/control/prerm" "$work/control/postrm"; then
		echo "a maintainer script wants the network or a compiler"
		return 1
	fi
}

# A clone without history and the tarball itself make the tarball that this tree makes. Changes that are not
# committed are in the tree and its tarball only, so that then the clone is not asked.
same_tarball() {
	folder=$(mktemp -d)
	make -s dist >"$folder/sum"
	tar -C "$folder" -xf build/dist/hostingpi-*.tar.xz
	make -s -C "$folder"/hostingpi-* dist >"$folder/sum.again"
	cat "$folder/sum"
	same=0
	cmp "$folder/sum" "$folder/sum.again" || same=1
	if [ -e .git ] && [ -z "$(git status --porcelain --untracked-files=no)" ]; then
		git clone -q --depth 1 "file://$PWD" "$folder/clone"
		make -s -C "$folder/clone" dist >"$folder/sum.clone"
		cmp "$folder/sum" "$folder/sum.clone" || same=1
	fi
	rm -rf "$folder"
	return $same
}

# newer DEB SUFFIX [LINE]: the package with another version, and with a line more in its configuration file.
newer() {
	rm -rf "$work/repack"
	dpkg-deb -R "$1" "$work/repack"
	sed -i "s/^Version: .*/&$2/" "$work/repack/DEBIAN/control"
	if [ -n "${3:-}" ] && [ -e "$work/repack/etc/hostingpi/hostingpi.conf" ]; then
		echo "$3" >>"$work/repack/etc/hostingpi/hostingpi.conf"
	fi
	dpkg-deb --root-owner-group -Zgzip -z1 -b "$work/repack" \
		"$scratch/packages/$(basename "$1" "_$arch.deb")$2_$arch.deb" >/dev/null
}

# What the packages depend on, and further names; nothing of ours.
make_root() {
	wanted=$(for package in "$agent" "$post"; do dpkg-deb -f "$package" Depends; done |
		tr ',' '\n' | sed 's/|.*//; s/([^)]*)//; s/ //g' | sort -u | paste -sd,)
	echo "making a root of $suite to install into"
	make_tree "$root" "$suite" "$wanted$1"
}

check 'the tarball again from the tarball, and from a shallow clone' same_tarball
check 'lintian --pedantic --info' lintian_clean
check 'every file is in one package' in_one_package
[ -n "${DEBS:-}" ] || check 'what make install writes is what the packages hold' same_as_installed
check 'maintainer scripts: user first, restart on an upgrade, no network' script_order

if [ -n "${SHORT:-}" ]; then
	root=$work/lean-$suite-$arch
	[ -d "$root" ] || make_root ''
else
	root=$work/plain-$suite-$arch
	[ -d "$root" ] || make_root ,man-db,bash-completion,zsh
fi
remove_tree "$scratch"
cp -a "$root" "$scratch"
mkdir "$scratch/packages"
cp "$agent" "$post" "$scratch/packages"
for package in "$agent" "$post"; do
	newer "$package" +1 '# a newer sample'
	newer "$package" +2 '# a newer sample'
	newer "$package" +3 '# the newest sample'
done
cp tests/deb/inside.sh debian/tests/smoke "$scratch/packages"
in_root "$scratch" sh /packages/inside.sh "$number" "$arch" || failed=$((failed + 1))
remove_tree "$scratch"

mkdir -p build/summary
echo "check-deb $suite $arch: $([ "$failed" = 0 ] && echo passed || echo "$failed failed")" | tee "build/summary/check-deb-$suite"
[ "$failed" = 0 ]
