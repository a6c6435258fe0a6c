# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# root.sh: what build.sh and check.sh share. Read with ". tests/deb/root.sh".

# remove_tree ROOT: mmdebstrap mounts /proc, /sys and this machine's /dev/shm into a root while it makes it. What is mounted
# there is never ours to remove, whoever mounted it.
remove_tree() {
	mounted=$(grep -F " $(realpath -m "$1")/" /proc/self/mounts) && {
		echo "root.sh: something is mounted below $1; umount it first, or wait until who uses it has ended:" >&2
		echo "$mounted" >&2
		exit 1
	}
	rm -rf --one-file-system "$1"
}

# make_tree ROOT SUITE PACKAGES [OPTION...]: a root from a mirror. It is there when it is complete. What is mounted meanwhile is
# seen by mmdebstrap alone.
make_tree() {
	tree=$1
	of_suite=$2
	packages=$3
	shift 3
	mirror=${MIRROR:-http://deb.debian.org/debian}
	remove_tree "$tree"
	remove_tree "$tree.new"
	unshare --mount --propagation private mmdebstrap --quiet --variant=minbase --mode=root --include="$packages" "$@" \
		"$of_suite" "$tree.new" "deb $mirror $of_suite main" || {
		echo "root.sh: no root of $of_suite from $mirror; another mirror: MIRROR=http://..." >&2
		exit 1
	}
	mv "$tree.new" "$tree"
}

# one_at_a_time FILE: a root is for one build or one check; the others wait.
one_at_a_time() {
	exec 8>"$1"
	flock -n 8 || {
		echo "waiting for another make deb or check-deb in this folder"
		flock 8
	}
}

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
