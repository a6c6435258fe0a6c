#!/bin/sh
# SPDX-License-Identifier: MIT
#
# root.sh EMULATOR RULE REPOSITORY HERE TREE PACKAGE,...    installs a Debian for arm64 into TREE
#
# Theory of operation: runs in namespaces of its own (own_namespace.py), one of them with its own table of program formats, so that
# this machine never hears of a foreign architecture. Packages come from REPOSITORY, a folder, and there is no network.
set -eu
emulator=$1 rule=$2 repository=$3 here=$4 tree=$5 wanted=$6
mount -t proc proc /proc
mount -t binfmt_misc formats /proc/sys/fs/binfmt_misc
# The rule names a path of the package; F: it is opened now, and serves in any root.
sed "s|:[^:]*:[A-Z]*\$|:$emulator:OCF|" "$rule" >/proc/sys/fs/binfmt_misc/register
SOURCE_DATE_EPOCH=$(stat -c %Y "$repository/Packages")
export SOURCE_DATE_EPOCH
mmdebstrap --quiet --variant=minbase --mode=root --architectures=arm64 --skip=check/qemu \
	--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include="$wanted" \
	--aptopt='Acquire::Languages "none"' --dpkgopt='force-unsafe-io' \
	bookworm "$tree" "deb [trusted=yes] copy://$repository ./"
rm -f "$tree/etc/apt/apt.conf.d/99mmdebstrap" "$tree/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
mkdir -p "$tree/payload" "$tree/var/cache/repository"
cp "$here"/inside/* "$here"/make/furnish.sh "$tree/payload"
cp "$repository"/later/* "$tree/var/cache/repository"
chroot "$tree" sh /payload/furnish.sh
rm -r "$tree"/payload/*
