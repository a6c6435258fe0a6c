#!/bin/sh
# SPDX-License-Identifier: MIT
#
# init.sh: process 1 of the guest. Sets up swap, network, web server and (agent=1 on the kernel's
# command line) the agent as its unit does, says LAB-UP on the console, and then obeys lines that
# come in there:
#
#	sync                 start the file synchronisation (guard=1: paused while memory is short)
#	grow KB/S MB SECONDS grow by so much, hold, and end
#	status               the agent's own words
#	end                  switch off
#
# Everything the driver must know is printed as a line that starts with LAB-.
/bin/busybox mkdir -p /run
/bin/busybox mount -t tmpfs -o size=8m run /run
/bin/busybox mkdir -p /run/bin /run/lock /run/apache2 /var/log/apache2
/bin/busybox --install -s /run/bin
export PATH=/run/bin:/usr/sbin:/usr/bin
exec </dev/console >/dev/console 2>&1

argument() {
	sed -n "s/.*\<$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

stty -echo -icanon min 1 2>/dev/null
echo 4 >/proc/sys/kernel/printk
mount -t tmpfs -o size=8m tmp /tmp
mount -t ext4 -o noatime "$(findfs LABEL=data)" /data
echo 60 >/proc/sys/vm/swappiness
echo 16384 >/proc/sys/vm/min_free_kbytes # as Raspberry Pi OS sets it
echo 0 >/proc/sys/kernel/dmesg_restrict # the agent may read the kernel's log: CAP_SYSLOG in its unit
swapon "$(findfs LABEL=swap)"

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

echo -1000 >/proc/self/oom_score_adj # children that may be killed say so themselves
/payload/sampler 500 &
(
	echo 0 >/proc/self/oom_score_adj
	exec apache2 -f /payload/apache.conf -DFOREGROUND
) &

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
answers 80 || echo "LAB-FAILED port 80"
if [ "$(argument agent)" = 1 ]; then
	mkdir -p /run/hostingpi /var/lib/hostingpi
	chown hostingpi:hostingpi /run/hostingpi /var/lib/hostingpi
	( # as its unit does
		echo -500 >/proc/self/oom_score_adj
		# shellcheck disable=SC3045 # busybox has it
		ulimit -l unlimited
		export NO_COLOR=1
		exec su -s /bin/sh hostingpi -c 'exec /payload/hostingpid -c /payload/hostingpi.conf'
	) &
	answers 9777 || echo "LAB-FAILED port 9777"
	/payload/hostingpictl --json watch |
		sed -n 's/.*"headroom_bytes":[[:space:]]*\(-*[0-9]*\).*/LAB-HEADROOM \1/p' &
fi

# A machine that has been up for a day has its cache full.
[ "$(argument warm)" != 1 ] || find /usr /payload -type f -exec cat {} + >/dev/null
echo "LAB-UP $(cut -d ' ' -f 1 /proc/uptime) $(uname -r) psi=$(test -e /proc/pressure/memory && echo 1 || echo 0)"

while read -r verb words; do
	case $verb in
	sync)
		(
			echo 0 >/proc/self/oom_score_adj
			exec setsid sh /payload/sync.sh
		) &
		if [ "$(argument guard)" = 1 ]; then
			sh /payload/guard.sh $! &
		fi
		;;
	grow)
		(
			echo 0 >/proc/self/oom_score_adj
			# shellcheck disable=SC2086 # three words
			exec /payload/hog $words
		) &
		;;
	status) /payload/hostingpictl status --json | tr -d '\n' | sed 's/^/LAB-STATUS /;s/$/\n/' ;;
	end) break ;;
	esac
done
dmesg | grep -iE 'out of memory|oom-kill|blocked for more' | head -n 5 | sed 's/^/LAB-KERNEL /'
echo "LAB-END $(cut -d ' ' -f 1 /proc/uptime)"
poweroff -f
