#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dist.sh VERSION    packs the source: build/dist/hostingpi-VERSION.tar.xz
#
# Theory of operation: all that git knows of, as it lies here, and a file VERSION, because the one who unpacks it
# has no git. The same files give the same bytes: order, owner, mode and time do not depend on the machine.
# A tarball packs itself again, too: there everything counts that building did not make.
set -eu

version=$1
cd "$(dirname "$0")/../.."
name=hostingpi-$version
files=$(mktemp)
trap 'rm -f "$files"' EXIT
trap 'exit 130' INT TERM HUP

if [ -f VERSION ]; then
	find . -mindepth 1 \( -path ./build -o -path ./debian/hostingpi -o -path ./debian/hostingpi-post -o -path ./debian/tmp \
		-o -path ./debian/.debhelper -o -name __pycache__ -o -name .git \) -prune -o \( -type f -o -type l \) ! -path ./VERSION \
		! -name '*.deb' ! -path './debian/*.substvars' ! -path './debian/*.debhelper' ! -path ./debian/files \
		! -path ./debian/debhelper-build-stamp -printf '%P\0' >"$files"
	time=$(stat -c %Y VERSION)
elif git ls-files -z >"$files" && [ -s "$files" ]; then
	time=$(git log -1 --format=%ct)
else
	echo "dist.sh: git cannot tell which files belong to the source (its words are above): this is no clone, and no tarball either." >&2
	echo "dist.sh: in a clone that somebody else owns, type: git config --global --add safe.directory $PWD" >&2
	exit 1
fi

rm -rf build/dist
mkdir -p "build/dist/$name"
tar --null --no-recursion --verbatim-files-from -T "$files" -cf build/dist/all.tar || {
	echo "dist.sh: a file that git knows is not here: git restore it, or git rm it" >&2
	exit 1
}
tar -xf build/dist/all.tar -C "build/dist/$name"
echo "$version" >"build/dist/$name/VERSION"
cd build/dist
tar --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w --format=gnu \
	-cf "$name.tar" "$name"
xz -T1 "$name.tar"
rm -r "$name" all.tar
sha256sum "$name.tar.xz"
