# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# root.sh: what build.sh and check.sh share. Read with ". tests/deb/root.sh".

# in_root ROOT PROGRAM [ARGUMENT...]: as in a builder's container. Processes, shared memory and a loopback of its own; no
# network, no systemd, no udev, and nothing of the caller's environment but what is given after `env`.
in_root() {
	root_of_it=$1
	shift
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount --net --pid --fork --kill-child sh -ec 'root=$1; shift
		ip link set lo up
		mount -t proc proc "$root/proc"
		mount -t sysfs -o ro sysfs "$root/sys"
		mkdir -p "$root/dev/shm"
		mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
		exec chroot "$root" "$@"' in_root "$root_of_it" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive "$@"
}
