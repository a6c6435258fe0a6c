#!/bin/sh
# SPDX-License-Identifier: MIT
#
# start.sh ROOT CGROUP    systemd of ROOT as process 1 of namespaces of its own
#
# Theory of operation: every namespace but that of users is a new one, so that systemd believes to be a container
# ("container=") and this machine does not hear of it. CGROUP is a new folder of a cgroup2 hierarchy; it is the root of the
# one inside. The mounts are shared from there on, as on every machine with systemd: it hands credentials to services that
# way. Of /dev there are the nodes that a Pi has and that take no harm; /run is small, to be filled. What systemd would set
# in /proc/sys would be this machine's: it is read-only.
# An end of this program is the end of all inside.
set -eu

echo $$ >"$2/cgroup.procs"
# The shell inside expands it.
# shellcheck disable=SC2016
exec unshare --mount --pid --fork --ipc --uts --net --cgroup --kill-child --propagation private sh -euc '
root=$1
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,size=32M tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty kmsg; do
	touch dev/$node
	mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
# Of the group that the udev rule gives it, with a number that no driver has: what is seen is who refuses.
mknod -m 660 dev/vcio_gencmd c 10 250
chgrp 44 dev/vcio_gencmd
mkdir -p old
ip link set lo up
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=lab PATH=/usr/sbin:/usr/bin TERM=dumb /lib/systemd/systemd --system --log-target=journal \
	--log-level=info --show-status=no --unit=multi-user.target' sh "$1"
