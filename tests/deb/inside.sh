#!/bin/sh
# SPDX-License-Identifier: MIT
#
# inside.sh VERSION ARCH    in a scratch root: installs, upgrades, removes and purges the packages in /packages
#
# Theory of operation: the whole tree is listed before and at the end (kind, mode, owner, size, link, contents), but for
# what dpkg, apt and mandb keep for themselves; a purge must leave no line of difference. There is no network,
# no systemd and no udev here, as in a chroot that makes an image. Nothing may ask: there is no one to answer.
set -eu

number=$1
arch=$2
checks=0
cd /packages
. /etc/os-release

# What a program wrote is shown when something is wrong, and only then.
ended() {
	code=$?
	[ $code = 0 ] || {
		cat /tmp/said 2>/dev/null || true
		echo "  FAILED  ${doing:-start}, $VERSION_CODENAME"
	}
	exit $code
}
trap ended EXIT

doing() {
	[ -z "${doing:-}" ] || echo "  ok      $doing"
	doing=$1
	checks=$((checks + 1))
}

fail() {
	echo "            $*"
	exit 1
}

# apt ARGUMENT...: as an operator calls it; nothing can be downloaded, and nobody answers.
apt() {
	apt-get -q -y -o Dpkg::Use-Pty=0 "$@" </dev/null >/tmp/said 2>&1
}

# install SUFFIX [OPTION...]: both packages in that version.
install_both() {
	suffix=$1
	shift
	apt "$@" install "./hostingpi_$number${suffix}_$arch.deb" "./hostingpi-post_$number${suffix}_$arch.deb"
}

kept_by_dpkg='/var/lib/dpkg|/var/lib/apt|/var/cache/(apt|man|debconf|ldconfig)|/var/log|/tmp|/packages|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-|/etc/\.pwd\.lock|/root'

list() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o ! -type d -printf '%M %u:%g %s %p %l\n' \
		-o -type d -printf '%M %u:%g - %p\n' | grep -vE " ($kept_by_dpkg)(/| |\$)" | LC_ALL=C sort -k4
	find /etc /usr /var /opt /home /srv /run -xdev -type f ! -path '/usr/lib/x86_64*' | grep -vE "^($kept_by_dpkg)(/|\$)" |
		LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum
}

nothing_left() {
	list >/tmp/now
	if ! diff "$1" /tmp/now >/tmp/said; then
		fail "the tree is another one than before"
	fi
}

config=/etc/hostingpi/hostingpi.conf
unit=$(dpkg-deb --fsys-tarfile "hostingpi_${number}_$arch.deb" | tar -t | sed -n 's/^\.\(.*hostingpid\.service\)$/\1/p')
enabled=/etc/systemd/system/multi-user.target.wants/hostingpid.service

install -d /etc/udev/rules.d # Debian 12 lets udev own it; without udev apt makes it.
list >/tmp/before

doing 'apt install ./hostingpi_*.deb ./hostingpi-post_*.deb, without network'
install_both ''

doing 'owners and modes'
for package in hostingpi hostingpi-post; do
	dpkg -L "$package" | while read -r path; do
		case $(stat -c '%U:%G %F %a' "$path") in
		'root:root directory 755' | 'root:root regular file 644' | 'root:root symbolic link 777') ;;
		'root:root regular file 755')
			case $path in
			/usr/bin/* | /usr/sbin/* | /usr/share/doc/hostingpi/examples/*) ;;
			*) fail "$path is executable" ;;
			esac
			;;
		*) fail "$path: $(stat -c '%U:%G %F %a' "$path")" ;;
		esac
	done
	[ -z "$(dpkg --verify "$package")" ] || fail "dpkg --verify $package"
done
for path in /usr/sbin/hostingpid /usr/sbin/hostingpi-post /usr/bin/hostingpictl; do
	[ "$(stat -c %a "$path")" = 755 ]
	if ldd "$path" | grep 'not found'; then
		fail "$path: a library is missing"
	fi
done

doing 'user hostingpi: no login, no password, groups adm and video'
[ "$(getent passwd hostingpi | cut -d: -f6,7)" = /run/hostingpi:/usr/sbin/nologin ]
[ "$(id -nG hostingpi | tr ' ' '\n' | sort | paste -sd' ')" = 'adm hostingpi video' ]
getent shadow hostingpi | grep -qE '^hostingpi:!'

doing 'the unit starts with the machine'
[ "$(readlink "$enabled")" = "$unit" ] || fail "$enabled: $(readlink "$enabled"), not $unit"
grep -q '^ExecStart=/usr/sbin/hostingpid$' "$unit"

doing 'programs tell their version, and take the configuration'
for name in hostingpid hostingpictl hostingpi-post; do
	$name --version >/tmp/said 2>&1
	$name --help >>/tmp/said 2>&1
	base=${number%%~*}
	grep -q "${base}" /tmp/said || fail "$name --version does not say $base"
done
hostingpid -t >/tmp/said 2>&1

if command -v man >/dev/null; then
	doing 'manual pages'
	for page in hostingpid.8 hostingpictl.1 hostingpi.conf.5 hostingpi-post.8; do
		MANWIDTH=100 man --warnings=w -E UTF-8 "${page##*.}" "${page%.*}" >/tmp/page 2>/tmp/said
		[ ! -s /tmp/said ] || fail "man has something to say about $page"
		[ "$(wc -l </tmp/page)" -gt 40 ] || fail "$page is short"
	done
fi
if command -v zsh >/dev/null && [ -e /usr/share/bash-completion/bash_completion ]; then
	doing 'completions in bash and zsh'
	for name in hostingpid hostingpictl hostingpi-post; do
		bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader "$1" || __load_completion "$1"
			complete -p "$1"' load $name >/tmp/said 2>&1 || fail "bash does not load it for $name"
		zsh -fc 'autoload -Uz compinit && compinit -D -u && [[ $_comps[$1] == _$1 ]] && autoload +X _$1' load $name \
			>/tmp/said 2>&1 || fail "zsh does not load it for $name"
	done
fi

doing 'autopkgtest: debian/tests/smoke'
/packages/smoke >/tmp/said 2>&1
sed -n 's/^agent-check at/            agent-check at/p' /tmp/said

doing 'postinst once more changes nothing'
list >/tmp/installed
DPKG_MAINTSCRIPT_PACKAGE=hostingpi /var/lib/dpkg/info/hostingpi.postinst configure "$number" >/tmp/said 2>&1
nothing_left /tmp/installed

doing 'upgrade: a configuration that nobody changed becomes the new one'
install_both +1
tail -n 1 $config | grep -qx '# a newer sample'

doing 'upgrade: what the operator changed stays, also that the service is disabled'
printf '[agent]\nid = mine\n' >$config
systemctl disable hostingpid >/tmp/said 2>&1
install_both +2
[ "$(cat $config)" = "$(printf '[agent]\nid = mine')" ]
[ ! -e $enabled ] || fail 'enabled by the upgrade'
systemctl enable hostingpid >/tmp/said 2>&1

doing 'upgrade: both changed it, the old one is kept as told'
install_both +3 -o Dpkg::Options::=--force-confold
[ "$(cat $config)" = "$(printf '[agent]\nid = mine')" ]
tail -n 1 $config.dpkg-dist | grep -qx '# the newest sample'

doing 'remove: the configuration, credentials and what was learned stay'
mkdir -p /etc/hostingpi/hostingpi.conf.d /var/lib/hostingpi /run/hostingpi
echo 'password = secret' >/etc/hostingpi/mqtt.credentials
printf '[mqtt]\n' >/etc/hostingpi/hostingpi.conf.d/mqtt.conf
echo 1 >/var/lib/hostingpi/learned
echo 1 >/run/hostingpi/hold
chown -R hostingpi: /etc/hostingpi/mqtt.credentials /var/lib/hostingpi /run/hostingpi
apt remove hostingpi hostingpi-post
for path in /usr/sbin/hostingpid /usr/bin/hostingpictl /usr/sbin/hostingpi-post "$unit"; do
	[ ! -e "$path" ] || fail "$path is still there"
done
for path in $config /etc/hostingpi/mqtt.credentials /etc/hostingpi/hostingpi.conf.d/mqtt.conf /var/lib/hostingpi/learned; do
	[ -e "$path" ] || fail "$path is gone"
done

doing 'installed again: with that configuration'
install_both +3 -o Dpkg::Options::=--force-confold
grep -q 'id = mine' $config
[ "$(stat -c %U /etc/hostingpi/mqtt.credentials)" = hostingpi ]

doing 'purge: nothing is left'
apt purge hostingpi hostingpi-post
nothing_left /tmp/before

doing 'purge after remove; the daemon without the poster, the poster without the daemon'
apt --no-install-recommends install "./hostingpi_${number}_$arch.deb"
[ ! -e /usr/sbin/hostingpi-post ]
apt remove hostingpi
apt install "./hostingpi-post_${number}_$arch.deb"
hostingpi-post --version >/tmp/said
apt purge hostingpi
apt purge hostingpi-post
nothing_left /tmp/before

doing 'purge: what is mounted there stays as it is'
apt --no-install-recommends install "./hostingpi_${number}_$arch.deb"
mkdir -p /var/lib/hostingpi /etc/hostingpi/shared
for folder in /var/lib/hostingpi /etc/hostingpi/shared; do
	mount -t tmpfs tmpfs $folder
	echo 'of all Pis' >$folder/file
done
apt purge hostingpi
for folder in /var/lib/hostingpi /etc/hostingpi/shared; do
	[ "$(cat $folder/file)" = 'of all Pis' ] || fail "$folder was emptied"
	umount $folder
	rmdir $folder
done
rmdir /etc/hostingpi /run/mount # the second one is made by umount
nothing_left /tmp/before

doing 'purge: somebody whose login is hostingpi stays, and so does this machine where DPKG_ROOT is another'
useradd --create-home --shell /bin/bash hostingpi
somebody=$(getent passwd hostingpi)
apt --no-install-recommends install "./hostingpi_${number}_$arch.deb"
grep -q 'account hostingpi before, with home /home/hostingpi' /tmp/said || fail 'nobody was told of the account'
mkdir -p /root/other/etc/hostingpi
printf 'hostingpi:x:997:997::/run/hostingpi:/usr/sbin/nologin\n' | tee /root/other/etc/passwd >/root/other/etc/shadow
DPKG_MAINTSCRIPT_PACKAGE=hostingpi DPKG_ROOT=/root/other /var/lib/dpkg/info/hostingpi.postrm purge >/tmp/said 2>&1
[ ! -e /root/other/etc/hostingpi ] || fail 'DPKG_ROOT: the configuration is left'
! grep -q hostingpi /root/other/etc/passwd || fail 'DPKG_ROOT: the account is left'
[ -e $config ] || fail 'DPKG_ROOT: the configuration of this machine is gone'
apt purge hostingpi
[ "$(getent passwd hostingpi)" = "$somebody" ] || fail 'the login is gone'
userdel --remove hostingpi >/tmp/said 2>&1
nothing_left /tmp/before

doing=${doing:-}
echo "  ok      $doing"
echo "  $checks checks in $PRETTY_NAME $arch"
