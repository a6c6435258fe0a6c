#!/bin/sh
# SPDX-License-Identifier: MIT
#
# furnish.sh: what whoever sets up the machine would do: names, network, a web site, where packages come from.
# And the one thing that is the test's own: the shell on the virtual serial port.
set -eu
echo pi >/etc/hostname
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 pi\n' >/etc/hosts
echo 'LABEL=root / ext4 noatime 0 1' >/etc/fstab
: >/etc/resolv.conf
passwd -d root >/dev/null
useradd --create-home --shell /bin/bash someone

cat >/etc/systemd/network/10-wired.network <<END
[Match]
Name=e*
[Network]
Address=192.0.2.2/24
Address=2001:db8::2/64
IPv6AcceptRA=no
LinkLocalAddressing=ipv6
END
systemctl enable systemd-networkd.service
# Nothing routes further, so nobody waits for being online.
systemctl mask systemd-networkd-wait-online.service
# The kernel's modules are not on this disk; timers would come at any time.
systemctl mask systemd-modules-load.service \
	apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer dpkg-db-backup.timer fstrim.timer

rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/var/cache/repository ./' >/etc/apt/sources.list
apt-get -q update

install -m 755 /payload/shell.sh /usr/local/sbin/lab-shell
cat >/etc/systemd/system/lab-shell.service <<END
[Unit]
Description=shell on the virtual serial port, for the test
After=systemd-udevd.service
[Service]
ExecStart=/usr/local/sbin/lab-shell
Restart=always
[Install]
WantedBy=multi-user.target
END
systemctl enable lab-shell.service
systemctl mask getty@tty1.service
echo "<!DOCTYPE html><title>a page</title>" >/var/www/html/index.html
