#!/bin/bash
# SPDX-License-Identifier: MIT
#
# shell.sh: takes lines "NUMBER SCRIPT-IN-BASE64" from the virtual serial port, runs them as root, and answers
# "NUMBER EXIT-CODE OUTPUT-IN-BASE64".
port=/dev/virtio-ports/lab
until [ -e $port ]; do sleep 0.2; done
exec 3<>$port
cd /root || exit 1
export HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive SYSTEMD_PAGER=cat
echo "HELLO $(cat /proc/sys/kernel/random/boot_id)" >&3
while read -r number script <&3; do
	base64 -d <<<"$script" >/run/lab-script
	bash /run/lab-script </dev/null 3<&- >/run/lab-output 2>&1
	printf '%s %s %s\n' "$number" $? "$(base64 -w 0 /run/lab-output)" >&3
done
