#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lvs.sh: the guest that is an LVS director, and both Pis of the example besides: two agents, each with a
# made-up /proc, at the addresses of the example. Says LAB-UP, and then obeys lines on the console:
#
#	table         the kernel's table of weights: LAB-TABLE SERVER=WEIGHT ...
#	press N       the supply voltage of Pi N is low: it sheds for as long as that is so
#	exhaust N     it has no memory left
#	relax N       neither
#	drain N, ready N, kill N
#	end           keepalived's log; switch off
# shellcheck source=tests/vm/guest/common.sh
. /payload/common.sh
prepare
start_network

mount -t ext4 "$(findfs LABEL=lvs)" /data
for module in libcrc32c nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack ip_vs ip_vs_wlc; do
	insmod "/data/modules/$module.ko" || echo "LAB-FAILED insmod $module"
done
# lvs PROGRAM ARGUMENTS: one of the disk
lvs() {
	program=/data/usr/sbin/$1
	shift
	LD_LIBRARY_PATH=/data/usr/lib/aarch64-linux-gnu "$program" "$@"
}

for number in 1 2 100; do
	ip -6 addr add "2001:db8::$number/128" dev lo
	ip addr add "192.0.2.$number/32" dev lo
done

# memory N KB: what its agent reads. It keeps the file open, so that is written in place, with one length.
memory() {
	{
		printf '%s %8d kB\n' MemTotal: 2000000 MemFree: "$2" MemAvailable: "$2"
		printf '%s: 0 kB\n' 'Active(file)' 'Inactive(file)' Dirty Writeback SReclaimable SwapTotal SwapFree
	} >/run/meminfo
	cat /run/meminfo 1<>"/run/pi$1/root/proc/meminfo"
}

voltage_low() {
	echo "$2" 1<>"/run/pi$1/root/sys/class/hwmon/hwmon0/in0_lcrit_alarm"
}

# pi N: its agent, started
pi() {
	mkdir -p "/run/pi$1/root/proc" "/run/pi$1/root/sys/class/hwmon/hwmon0"
	echo rpi_volt >"/run/pi$1/root/sys/class/hwmon/hwmon0/name"
	voltage_low "$1" 0
	memory "$1" 1500000
	echo "Filename Type Size Used Priority" >"/run/pi$1/root/proc/swaps"
	cat >"/run/pi$1/conf" <<-END
		[agent]
		id = pi$1
		run_dir = /run/pi$1
		[control]
		cap = 20
		[haproxy]
		listen = [2001:db8::$1]:9777
		[http]
		listen = [2001:db8::$1]:9778, 192.0.2.$1:9778
	END
	/payload/hostingpid --root "/run/pi$1/root" -c "/run/pi$1/conf" 2>"/run/pi$1/log" &
	echo $! >"/run/pi$1/pid"
}

table() {
	echo "LAB-TABLE $(lvs ipvsadm -Sn | awk '
		# -a -t VIRTUAL -r REAL -g -w WEIGHT
		$1 == "-a" {
			for (i = 2; i < NF; i++) {
				if ($i == "-r") real = $(i + 1)
				if ($i == "-w") weight = $(i + 1)
			}
			printf "%s=%s ", real, weight
		}')"
}

pi 1
pi 2
# As the package does it, and the user that the example names.
ln -s /payload/hostingpictl /usr/bin/hostingpictl
echo nobody:x:65534:65534::/:/bin/false >>/etc/passwd
echo nogroup:x:65534: >>/etc/group
echo nobody:x:65534: >>/etc/group
lvs keepalived -n -l -D -C -f /payload/keepalived.conf -p /run/k.pid -c /run/kc.pid >/run/keepalived.log 2>&1 &
echo "LAB-UP $(cut -d ' ' -f 1 /proc/uptime) $(uname -r)"
while read -r verb number; do
	case $verb in
	table) table ;;
	press) voltage_low "$number" 1 ;;
	exhaust) memory "$number" 20000 ;;
	relax)
		memory "$number" 1500000
		voltage_low "$number" 0
		;;
	drain | ready) /payload/hostingpictl --socket "/run/pi$number/control.sock" "$verb" >/dev/null ;;
	kill) kill -9 "$(cat "/run/pi$number/pid")" ;;
	end) break ;;
	esac
done
sed 's/^/LAB-LOG /' /run/keepalived.log
echo "LAB-END $(cut -d ' ' -f 1 /proc/uptime)"
poweroff -f
