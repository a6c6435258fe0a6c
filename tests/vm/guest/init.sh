#!/bin/sh
# SPDX-License-Identifier: MIT
#
# init.sh: process 1 of the guest. Sets up swap, network, web server and (agent=1 on the kernel's
# command line) the agent as its unit does, says LAB-UP on the console, and then obeys lines that
# come in there:
#
#	sync                 start the file synchronisation (guard=1: as a job of `hostingpictl guard`)
#	grow KB/S MB SECONDS grow by so much, hold, and end
#	status               the agent's own words
#	end                  switch off
#
# Everything the driver must know is printed as a line that starts with LAB-.
# shellcheck source=tests/vm/guest/common.sh
. /payload/common.sh
prepare
mkdir -p /run/apache2 /var/log/apache2
mount -t ext4 -o noatime "$(findfs LABEL=data)" /data
echo 60 >/proc/sys/vm/swappiness
echo 16384 >/proc/sys/vm/min_free_kbytes # as Raspberry Pi OS sets it
swapon "$(findfs LABEL=swap)"
start_network

/payload/sampler 500 &
(
	echo 0 >/proc/self/oom_score_adj
	exec apache2 -f /payload/apache.conf -DFOREGROUND
) &

answers 80 || echo "LAB-FAILED port 80"
if [ "$(argument agent)" = 1 ]; then
	start_agent /payload/hostingpi.conf
	/payload/hostingpictl --json watch |
		sed -n 's/.*"headroom_bytes":[[:space:]]*\(-*[0-9]*\).*/LAB-HEADROOM \1/p' &
fi

# A machine that has been up for a day has its cache full.
[ "$(argument warm)" != 1 ] || find /usr /payload -type f -exec cat {} + >/dev/null
echo "LAB-UP $(cut -d ' ' -f 1 /proc/uptime) $(uname -r) psi=$(test -e /proc/pressure/memory && echo 1 || echo 0)"

while read -r verb words; do
	case $verb in
	sync)
		guard=
		[ "$(argument guard)" != 1 ] || guard="/payload/hostingpictl guard -v --"
		(
			echo 0 >/proc/self/oom_score_adj
			# shellcheck disable=SC2086 # words
			exec setsid $guard sh /payload/sync.sh
		) &
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
