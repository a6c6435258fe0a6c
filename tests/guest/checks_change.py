# SPDX-License-Identifier: MIT
"""The package is replaced by a newer one while load balancers poll, and goes away for good."""

import outside
from checks_install import FILES, deb_names, main_pid
from checks_life import answering, no_gap, press, release
from course import expect, wait_until

OURS = "# a word of who runs this machine"
# What others write when an account comes and goes, or a package; each line's reason is in README.md.
OTHERS = (
    "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-",
    "/var/cache/ldconfig/aux-cache",
)  # fmt: skip


def upgrade(lab):
    """upgrade to a newer version under polling; what the operator changed stays."""
    guest = lab.guest
    guest.sh(f"echo '{OURS}' >>/etc/hostingpi/hostingpi.conf")
    weight = press(lab)
    before = main_pid(lab)
    lab.mark()
    pollers = outside.Pollers()
    said = guest.sh("cd /root/hostingpi && apt-get install -y -o Dpkg::Options::=--force-confold "
                    f"{deb_names(lab, 1)} 2>&1")  # fmt: skip
    wait_until(lambda: main_pid(lab) not in (0, before), 60, "the new process")
    wait_until(answering, 60, "an answer outside")
    pollers.end()
    told = no_gap(lab, pollers, weight)
    release(lab)
    version = guest.sh("dpkg-query -W -f='${Version}' hostingpi")
    expect(version == lab.versions[1], f"the version is {version}: {said[-300:]}")
    expect(OURS in guest.sh("cat /etc/hostingpi/hostingpi.conf"), "the operator's line is gone")
    guest.sh("test -e /etc/hostingpi/hostingpi.conf.dpkg-dist")
    expect(guest.sh("systemctl is-enabled hostingpid") == "enabled", "it is not enabled any more")
    return f"{version}, conffile kept (theirs beside it); {told}"


def remove(lab):
    """apt remove leaves the configuration, and the weight at 100 %."""
    weight = press(lab)  # or 100 % would be no news
    pollers = outside.Pollers()
    wait_until(lambda: all(poller.weights() for poller in pollers), 60, "a first answer")
    lab.guest.sh("apt-get remove -y hostingpi hostingpi-post 2>&1")
    pollers.end()
    last = [poller.weights()[-1] for poller in pollers]
    expect(last == [100, 100], f"the last answers were {last}")
    lab.guest.sh("test -e /etc/hostingpi/hostingpi.conf && ! test -e /usr/sbin/hostingpid")
    return f"{weight} % before, last answers 100 %; configuration kept, programs gone"

# Who switched a module on: the check of the access log did, with a2dismod and a2enmod.
APACHE = "/var/lib/apache2/module"


def purge(lab):
    """apt purge leaves nothing."""
    guest = lab.guest
    guest.sh("apt-get purge -y hostingpi hostingpi-post 2>&1 && apt-get autoremove --purge -y 2>&1")
    after = guest.sh(FILES)
    stayed = sorted(set(after.splitlines()) - set(lab.before.splitlines()))
    went = sorted(set(lab.before.splitlines()) - set(after.splitlines()))
    lab.keep("left-behind.txt", "\n".join(["stayed:", *stayed, "went:", *went]))
    named = guest.sh("find / -xdev -name '*hostingpi*' ! -path '/root/hostingpi*' ! -path '/var/log/*' "
                     "! -path '/var/cache/apt/*' 2>/dev/null; ls -d /run/hostingpi /run/credentials/hostingpid* 2>/dev/null; "
                     "grep -rl hostingpi /etc | grep -v -- '-$'; find / -xdev -nouser -o -xdev -nogroup; true")  # fmt: skip
    expect(not named, f"left behind: {named.split()}")
    foreign = [name for name in stayed if name not in OTHERS and name not in lab.not_ours and not name.startswith(APACHE)]
    missing = [name for name in went if not name.startswith(APACHE)]
    expect(not foreign and not missing, f"stayed: {foreign[:20]}, went: {missing[:20]}")
    code, said = guest.try_sh("getent passwd hostingpi || getent group hostingpi")
    expect(code, f"the account is still there: {said}")
    state = guest.sh("systemctl show -P LoadState hostingpid.service")
    expect(state == "not-found", f"systemd still knows the unit: {state}")
    return f"{len(after.splitlines())} names as before, {len(stayed)} more by others ({', '.join(stayed) or 'none'}); account gone"


ALL = (upgrade, remove, purge)
SHORT = (upgrade, purge)
