# SPDX-License-Identifier: MIT
"""A Pi and its broker's machine as two network namespaces with one cable between them.

Theory of operation: the process is alone in a network, a mount and a PID namespace already
(unshare, see run.py); that is the broker's machine. The Pi is a second network namespace, kept by
a process that sleeps; nsenter starts programs in it. What goes wrong on the way is done at the
broker's end of the cable by nft, or by taking that end down, which takes the carrier away from the
Pi. Files of /etc are replaced by files of the scratch folder in this mount namespace: the agent
sees them, the machine does not. No netem: kernels without it are common, numgen drops as well.
"""

import os
import pathlib
import re
import subprocess

import where  # noqa: F401 (makes the lab's modules importable)
from process import LabError, Process, program

UNSHARE = "unshare --net --mount --pid --fork --kill-child --mount-proc --".split()
# Documentation addresses (RFC 3849, RFC 5737).
HUB = {"6": "2001:db8:1::1", "4": "192.0.2.1"}
PI = {"6": "2001:db8:1::2", "4": "192.0.2.2"}
LENGTH = {"6": 64, "4": 24}
SILENT_RESOLVER = "2001:db8:1::53"  # belongs to the hub, but takes questions and keeps them
DEAD = "2001:db8:1::99"  # belongs to the hub, and what is sent to it vanishes

# The rules for what comes in from the Pi and for what goes out to it.
WAYS = {
    "open": ("", ""),
    # As a machine whose broker does not run.
    "closed": ("meta l4proto tcp reject with tcp reset", ""),
    # As a firewall that has forgotten its connections: no RST, neighbours are still found.
    "hole": ("meta l4proto tcp counter drop",) * 2,
    "lossy": ("numgen random mod 100 < 20 counter drop",) * 2,
}
TABLE = """
table inet {name}
delete table inet {name}
table inet {name} {{
    chain in {{
        type filter hook input priority 0
        {into}
    }}
    chain out {{
        type filter hook output priority 0
        {out}
    }}
}}
"""
DEAD_RULES = f"ip6 daddr {DEAD} drop\n        ip6 daddr {SILENT_RESOLVER} udp dport 53 drop"


def run(*words, stdin=None):
    command = [program(words[0]) or words[0], *(str(word) for word in words[1:])]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class Holder(Process):
    """Keeps a network namespace."""

    def argv(self):
        return ["unshare", "--net", "sleep", "infinity"]

    def ready(self):
        # unshare has become sleep: the namespace is made.
        return pathlib.Path(f"/proc/{self.pid}/comm").read_text() == "sleep\n"


class Network:
    """families: what the cable carries, "6", "4" or "64"."""

    def __init__(self, scratch, families):
        self.scratch, self.families = scratch, families
        run("ip", "link", "set", "lo", "up")
        self.holder = Holder(scratch, "pi").start()
        self.enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        cable = "link add name topi type veth peer name eth0 netns".split()
        run("ip", *cable, self.holder.pid)
        # An address must outlive a cable that is pulled.
        self.sysctl([], "net/ipv6/conf/topi/keep_addr_on_down", 1)
        for side, ip, addresses in (([], "topi", HUB), (self.enter, "eth0", PI)):
            run(*side, "ip", "link", "set", "lo", "up")
            for family in families:
                self.add(side, ip, addresses[family], family)
            run(*side, "ip", "link", "set", ip, "up")
        if "6" in families:
            for address in (SILENT_RESOLVER, DEAD):
                self.add([], "topi", address, "6")
        run("nft", "-f", "-", stdin=TABLE.format(name="dead", into=DEAD_RULES, out=""))
        self.replace("hosts", "127.0.0.1 localhost\n::1 localhost\n")
        self.replace("nsswitch.conf", "hosts: files dns\n")
        self.replace("resolv.conf", "")

    @staticmethod
    def add(side, device, address, family):
        words = ["ip", "address", "add", f"{address}/{LENGTH[family]}", "dev", device]
        run(*side, *words, *(["nodad"] if family == "6" else []))

    @staticmethod
    def sysctl(side, path, value):
        run(*side, "sh", "-c", f"echo {value} >/proc/sys/{path}")

    def replace(self, name, text):
        """A file of /etc, for this namespace; may be called again."""
        path = self.scratch.path / f"etc-{name}"
        mounted = path.exists()
        path.write_text(text, encoding="utf-8")
        if not mounted:
            path.chmod(0o644)
            run("mount", "--bind", path, f"/etc/{name}")

    def way(self, state):
        """What becomes of packets: a key of WAYS."""
        into, out = WAYS[state]
        into, out = into and f'iifname "topi" {into}', out and f'oifname "topi" {out}'
        run("nft", "-f", "-", stdin=TABLE.format(name="way", into=into, out=out))

    def dropped(self):
        """Packets that the way has swallowed since it became so."""
        rules = run("nft", "list", "table", "inet", "way")
        return sum(int(count) for count in re.findall(r"packets (\d+)", rules))

    def plug(self, plugged=True):
        run("ip", "link", "set", "topi", "up" if plugged else "down")

    def resolver(self, address):
        self.replace("resolv.conf", f"nameserver {address}\n")


def not_possible():
    """Why this machine cannot do it, or None."""
    for name in "ip nft unshare nsenter mount mosquitto mosquitto_sub openssl".split():
        if program(name) is None:
            return f"{name} is not installed (sh tests/deps.sh run test)"
    if os.geteuid() != 0:
        return "namespaces with a firewall need root"
    script = "mount -t tmpfs none /mnt && ip link add name a0 type veth peer name b0"
    words = [*UNSHARE, "sh", "-c", f"{script} && nft add table inet t"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return done.stderr.strip() or "unshare failed" if done.returncode else None
