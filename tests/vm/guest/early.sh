#!/bin/sh
# SPDX-License-Identifier: MIT
#
# early.sh: /init of the initramfs. Loads the modules that the kernel's command line names, waits for
# all disks, mounts root and payload by their labels, and goes there. Words of the command line:
#
#	modules=NAME,...     to load, in this order
#	disks=LABEL,...      to wait for, besides root and payload
#	first=PROGRAM,...    process 1 and its arguments
set -eu
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev

# words NAME: what the command line gives it.
words() {
	sed -n "s/.*\<$1=\([^ ]*\).*/\1/p" /proc/cmdline | tr , ' '
}

for module in $(words modules); do
	insmod "/modules/$module.ko" || echo "early.sh: no $module"
done

# disk LABEL: its device, once it is there.
disk() {
	tries=0
	until findfs "LABEL=$1" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || return 1
		usleep 50000
	done
}

root=$(disk root)
payload=$(disk payload)
for label in $(words disks); do
	disk "$label" >/dev/null
done
first=$(words first)
mount -t ext4 -o noatime "$root" /root
mount -t ext4 -o ro "$payload" /root/payload
for folder in proc sys dev; do
	mount -o move "/$folder" "/root/$folder"
done
# shellcheck disable=SC2086 # words
exec switch_root /root $first
