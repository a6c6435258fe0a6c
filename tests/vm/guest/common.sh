# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# common.sh: what the guests of both experiments do. Read by their init scripts.

# prepare: folders, commands, console.
prepare() {
	/bin/busybox mkdir -p /run
	/bin/busybox mount -t tmpfs -o size=8m run /run
	/bin/busybox mkdir -p /run/bin /run/lock
	/bin/busybox --install -s /run/bin
	export PATH=/run/bin:/usr/sbin:/usr/bin
	exec </dev/console >/dev/console 2>&1
	stty -echo -icanon min 1 2>/dev/null
	echo 4 >/proc/sys/kernel/printk
	mount -t tmpfs -o size=8m tmp /tmp
	echo 0 >/proc/sys/kernel/dmesg_restrict # the agent may read the kernel's log: CAP_SYSLOG in its unit
	echo -1000 >/proc/self/oom_score_adj    # children that may be killed say so themselves
}

# argument NAME: what the kernel's command line gives it.
argument() {
	sed -n "s/.*\<$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

start_network() {
	hostname pi
	ip link set lo up
	card=
	while [ -z "$card" ]; do
		usleep 50000
		for path in /sys/class/net/*; do
			[ "${path##*/}" = lo ] || card=${path##*/}
		done
	done
	ip link set "$card" up
	ip addr add 10.0.2.15/24 dev "$card"
	ip -6 addr add fec0::15/64 dev "$card"
	ip route add default via 10.0.2.2
}

# answers PORT: on both families; QEMU forwards only IPv4 from the host.
answers() {
	tries=0
	for address in ::1 127.0.0.1; do
		until nc -w 2 "$address" "$1" </dev/null >/dev/null 2>&1; do
			tries=$((tries + 1))
			[ $tries -lt 100 ] || return 1
			usleep 200000
		done
	done
}

# start_agent CONFIGURATION: as its unit does.
start_agent() {
	mkdir -p /run/hostingpi /var/lib/hostingpi
	chown hostingpi:hostingpi /run/hostingpi /var/lib/hostingpi
	(
		echo -500 >/proc/self/oom_score_adj
		# shellcheck disable=SC3045 # busybox has it
		ulimit -l unlimited
		export NO_COLOR=1
		exec su -s /bin/sh hostingpi -c "exec /payload/hostingpid -c $1"
	) &
	answers 9777 || echo "LAB-FAILED port 9777"
}
