#!/bin/sh
# SPDX-License-Identifier: MIT
#
# card.sh: the guest whose SD card fails; keeper (process 1) starts it. Root, swap and payload are on
# the card. Says LAB-UP on the console, and then obeys lines that come from the driver's port (the
# emulated Pi's kernel takes nothing from its console):
#
#	mark N               N into the kernel's log
#	swap                 takes the keepers' memory away, says LAB-SWAPPED and how many kB that is
#	fill                 besides, a job takes more memory than there is and uses it: LAB-GROW full
#	play ARM FIRST LAST  the fault of that name, in these sectors
#	end                  no more faults; the agent's log; switch off
#
# While a fault is played nothing is printed here: the console belongs to the kernel then.
# shellcheck source=tests/vm/guest/common.sh
. /payload/common.sh
prepare
echo 60 >/proc/sys/vm/swappiness
swapon "$(findfs LABEL=swap)"
start_network

fault=/sys/module/mmc_fault/parameters
insmod /payload/mmc_fault.ko || echo "LAB-FAILED no mmc_fault"

# The keepers have a memory group of their own, so that theirs is taken away and no one else's.
group=/sys/fs/cgroup/seldom
mount -t cgroup2 cgroup /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir $group
/payload/keeper 16 0 &
keeper=$!
for process in 1 $keeper; do
	echo "$process" >$group/cgroup.procs || echo "LAB-FAILED $group"
done

sed "s/^host = .*/&\\nport = $(argument broker)/" /payload/card.conf >/run/card.conf
start_agent /run/card.conf 2>/run/agent.log
# From here on the kernel prints what it logs, down to "card removed", which is information.
echo 7 >/proc/sys/kernel/printk

mark() {
	echo "<4>LAB-$*" >/dev/kmsg
}

# set_fault NAME=VALUE...: parameters of the module
set_fault() {
	for pair; do
		echo "${pair#*=}" >"$fault/${pair%%=*}"
	done
}

take_memory() {
	kill -USR1 1 $keeper
	sleep 1
}

# More than once: pages that were written leave memory the next time.
swap_out() {
	for _ in 1 2 3; do
		echo 20M >$group/memory.reclaim
	done 2>/dev/null
}

# Something is written all the time, as on any server.
write_on() {
	while echo line && sync; do
		usleep 200000
	done >/probe 2>/dev/null
}

# play ARM: the result goes to /run/result.
play() {
	case $1 in
	transient)
		dd if=/dev/urandom of=/run/pattern bs=64k count=16
		set_fault writes=2
		dd if=/run/pattern of=/probe bs=64k conv=fsync
		echo 3 >/proc/sys/vm/drop_caches
		set_fault reads=2
		cmp /run/pattern /probe && echo same
		;;
	write)
		set_fault writes=-1
		dd if=/dev/urandom of=/victim bs=64k count=16 conv=notrunc
		sync
		;;
	journal)
		set_fault writes=-1
		touch /probe
		sync
		;;
	swap-write)
		take_memory
		set_fault writes=-1
		swap_out
		;;
	swap-read*)
		set_fault reads=-1
		kill -USR2 1 $keeper
		;;
	pulled)
		write_on &
		;;
	slow)
		set_fault hold_ms=12000
		write_on &
		;;
	esac
}

mkfifo /run/commands
nc 10.0.2.2 "$(argument commands)" </dev/null >/run/commands &
echo "LAB-UP $(cut -d ' ' -f 1 /proc/uptime) $(uname -r)"
while read -r verb words; do
	# shellcheck disable=SC2086 # words
	set -- $words
	case $verb in
	mark) mark "MARK $1" ;;
	swap)
		take_memory
		swap_out
		echo "LAB-SWAPPED $(($(cat $group/memory.swap.current) / 1024))"
		;;
	fill)
		available=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)
		(
			echo 1000 >/proc/self/oom_score_adj
			exec /payload/hog 40960 $((available / 1024 + 40)) 60
		) &
		;;
	play)
		set_fault "first=$2" "last=$3"
		mark "PLAY $1"
		play "$1" >/run/result 2>/dev/null
		echo "LAB-PLAYED $(cat $fault/failed) $(cat /run/result)"
		;;
	end) break ;;
	esac
done </run/commands
set_fault reads=0 writes=0 hold_ms=0
sed 's/^/LAB-LOG /' /run/agent.log
echo "LAB-END $(cut -d ' ' -f 1 /proc/uptime)"
poweroff -f
