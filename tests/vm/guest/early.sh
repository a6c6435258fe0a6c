#!/bin/sh
# SPDX-License-Identifier: MIT
#
# early.sh: /init of the initramfs. Loads the modules that the kernel's command line names,
# waits for all disks, mounts root and payload by their labels, and goes there.
set -eu
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev

modules=$(sed 's/.*modules=\([^ ]*\).*/\1/;s/,/ /g' /proc/cmdline)
for module in $modules; do
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
disk data >/dev/null
disk swap >/dev/null
mount -t ext4 -o noatime "$root" /root
mount -t ext4 -o ro "$payload" /root/payload
for folder in proc sys dev; do
	mount -o move "/$folder" "/root/$folder"
done
exec switch_root /root /payload/init.sh
