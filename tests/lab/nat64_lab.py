# SPDX-License-Identifier: MIT
"""An IPv6-only Pi behind a router with NAT64 and DNS64, and services with IPv4 only and with IPv6.

    pi 2001:db8:1::10 --- gw 2001:db8:1::1, resolvers ::53 ::54 ::55, tayga --- v4 192.31.196.10, 10.64.0.10
                           +-- v6 2001:db8:2::20

Theory of operation: each host is a network namespace that an idle process holds; it has no name, so
nothing collides, and it is gone with its process, also after a crash of the tests. A service is a thread
of ours whose socket was made inside a namespace: a socket stays where it was made. resolv.conf
is laid over the real one in a mount namespace of each program. Addresses: 192.31.196.0/24 is global
by IANA's registry and nobody's web site (AS112), which the well-known prefix asks for.
"""

import ctypes
import os
import socket
import subprocess
import threading

from process import LabError, Process, program

CLONE_NEWNET = 0x40000000
DOMAIN = "birdsite.example"  # unbound answers .test and others by itself
WELL_KNOWN = "64:ff9b::/96"
SPECIFIC = "2001:db8:64::/96"
NOWHERE = "2001:db8:dead::/96"  # packets to it vanish at the router
PI, IPV4_ONLY, PRIVATE, NATIVE = "2001:db8:1::10", "192.31.196.10", "10.64.0.10", "2001:db8:2::20"
# The resolvers, by what they do.
RESOLVERS = {WELL_KNOWN: "2001:db8:1::53", "plain": "2001:db8:1::54", SPECIFIC: "2001:db8:1::55"}
SPARE = "2001:db8:1::56"  # of a test's own resolver

ZONE = f"""$ORIGIN {DOMAIN}.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
ns 60 IN AAAA {RESOLVERS["plain"]}
api 60 IN A {IPV4_ONLY}
wrong 60 IN A {IPV4_ONLY}
private 60 IN A {PRIVATE}
dual 60 IN A {IPV4_ONLY}
dual 60 IN AAAA {NATIVE}
broken 60 IN A {IPV4_ONLY}
broken 60 IN AAAA 2001:db8:2::dead
native 60 IN AAAA {NATIVE}
"""
# unbound does not know it by itself; its DNS64 makes the AAAA records of these.
ZONE_PREFIX = """$ORIGIN ipv4only.arpa.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
@ 60 IN A 192.0.0.170
@ 60 IN A 192.0.0.171
"""

_libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """A reason to skip, or "" where the lab can be built."""
    needed = ("unshare", "nsenter", "ip", "tayga", "unbound")
    missing = [name for name in needed if not program(name)]
    if missing:
        return f"not installed: {', '.join(missing)} (tests/deps.sh)"
    if not os.access("/dev/net/tun", os.W_OK):
        return "needs /dev/net/tun"
    return why_no_namespaces()


def why_no_namespaces():
    """The same for the namespaces alone."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    probe = [program("unshare"), "--net", "--mount", "ip", "link", "set", "lo", "up"]
    done = subprocess.run(probe, capture_output=True, text=True, timeout=30)
    return f"no network namespaces here: {done.stderr.strip()}" if done.returncode else ""


class Host(Process):
    """A network namespace."""

    def argv(self):
        return ["unshare", "--net", "--", "sleep", "infinity"]

    def ready(self):
        return os.stat(self.namespace()).st_ino != os.stat("/proc/self/ns/net").st_ino

    def namespace(self):
        return f"/proc/{self.pid}/ns/net"

    def inside(self):
        """Words in front of a program, which stays the process that was started."""
        return ["nsenter", f"--net={self.namespace()}", "--"]

    def ip(self, *lines):
        batch = "\n".join(lines) + "\n"
        done = subprocess.run(
            [*self.inside(), program("ip"), "-batch", "-"],
            input=batch,
            capture_output=True,
            text=True,
            timeout=30,
        )
        if done.returncode:
            raise LabError(f"ip in {self.name}: {done.stderr}")

    def set(self, **values):
        """Below /proc/sys/net; it shows the namespace of the reader."""
        rows = [(name.replace("__", "/"), value) for name, value in values.items()]
        script = "".join(f"echo {value} >/proc/sys/net/{name}; " for name, value in rows)
        subprocess.run([*self.inside(), "sh", "-ec", script], check=True, timeout=30)

    def listener(self, address, port):
        """A listening socket of ours inside the namespace: only this thread goes there."""
        made = []

        def make():
            with open(self.namespace(), "rb") as namespace:
                if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    made.append(OSError(ctypes.get_errno(), "setns"))
                    return
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            try:
                made.append(socket.create_server((address, port), family=family))
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]


class Tayga(Process):
    """The translator for one prefix; number: makes device and IPv4 pool its own."""

    def __init__(self, scratch, router, prefix, number):
        super().__init__(scratch, f"tayga{number}")
        self.router, self.prefix = router, prefix
        self.device, self.own = f"nat64-{number}", f"2001:db8:0:{number}::1"
        self.folder = scratch.path / f"{self.name}.data"
        self.folder.mkdir()
        self.pool = f"192.168.{number}.0/24"
        lines = [f"tun-device {self.device}", f"ipv4-addr 192.168.{number}.1"]
        lines += [f"ipv6-addr {self.own}", f"prefix {prefix}", f"dynamic-pool {self.pool}"]
        lines += [f"data-dir {self.folder}", ""]
        self.conf = scratch.file(f"{self.name}.conf", "\n".join(lines))

    def argv(self):
        return [*self.router.inside(), "stdbuf", "-oL", program("tayga"), "-d", "-c", self.conf]

    def ready(self):
        command = [*self.router.inside(), "ip", "link", "show", self.device]
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0

    def start(self):
        super().start()
        routes = [f"route add {to} dev {self.device}" for to in (self.pool, self.own, self.prefix)]
        self.router.ip(f"link set {self.device} up", *routes)
        return self


class Unbound(Process):
    """A resolver at one address of the router; prefix: what its DNS64 adds, None: it does not."""

    def __init__(self, scratch, router, address, prefix):
        super().__init__(scratch, f"unbound-{address.rpartition(':')[2]}")
        self.router = router
        self.log.unlink(missing_ok=True)  # of another one at this address
        modules = "dns64 iterator" if prefix else "iterator"
        lines = ["server:", 'username: ""', 'chroot: ""', f'directory: "{scratch.path}"']
        lines += ['pidfile: ""', "use-syslog: no", 'logfile: ""', "do-daemonize: no"]
        lines += [f"interface: {address}", "access-control: ::/0 allow", 'root-hints: ""']
        lines += [f'module-config: "{modules}"', f"dns64-prefix: {prefix or WELL_KNOWN}"]
        # Only what comes from "upstream" passes the DNS64; local-data would not.
        for zone, text in (DOMAIN, ZONE), ("ipv4only.arpa", ZONE_PREFIX):
            file = scratch.file(f"zone.{zone}", text)
            lines += ["auth-zone:", f'name: "{zone}."', f'zonefile: "{file}"']
            lines += ["for-upstream: yes", "for-downstream: no", "fallback-enabled: no"]
        lines += ["remote-control:", "control-enable: no", ""]
        self.conf = scratch.file(f"{self.name}.conf", "\n".join(lines))

    def argv(self):
        return [*self.router.inside(), program("unbound"), "-d", "-c", self.conf]

    def ready(self):
        return "start of service" in self.tail()


class Network:
    """All of it, running. Its services are the caller's business."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.gw, self.pi, self.v4, self.v6 = (
            Host(scratch, name).start() for name in ("gw", "pi", "v4", "v6")
        )
        self._connect()
        self.taygas = {
            prefix: Tayga(scratch, self.gw, prefix, number).start()
            for number, prefix in enumerate((WELL_KNOWN, SPECIFIC), 100)
        }
        self.resolvers = {
            what: self.resolver(address, None if what == "plain" else what)
            for what, address in RESOLVERS.items()
        }

    def _connect(self):
        for host in (self.gw, self.pi, self.v4, self.v6):
            # Duplicate address detection would take seconds.
            host.set(ipv6__conf__default__accept_dad=0, ipv6__conf__all__accept_dad=0)
            host.ip("link set lo up")
        self.v4.set(ipv6__conf__all__disable_ipv6=1, ipv6__conf__default__disable_ipv6=1)
        self.gw.set(ipv6__conf__all__forwarding=1, ipv4__ip_forward=1)
        for host in (self.pi, self.v4, self.v6):
            self.gw.ip(f"link add {host.name} type veth peer name eth0 netns {host.pid}")
        rows = [f"addr add {address}/64 dev pi nodad" for address in RESOLVERS.values()]
        self.gw.ip(
            *rows,
            f"addr add {SPARE}/64 dev pi nodad",
            "addr add 2001:db8:1::1/64 dev pi nodad",
            "addr add 2001:db8:2::1/64 dev v6 nodad",
            "addr add 192.31.196.1/24 dev v4",
            "addr add 10.64.0.1/24 dev v4",
            *(f"link set {name} up" for name in ("pi", "v4", "v6")),
            f"route add blackhole {NOWHERE}",
            "route add blackhole 2001:db8:2::dead/128",
        )
        self.pi.ip(*_leaf(PI, 64, "2001:db8:1::1"))
        self.v6.ip(*_leaf(NATIVE, 64, "2001:db8:2::1"))
        self.v4.ip(f"addr add {PRIVATE}/24 dev eth0", *_leaf(IPV4_ONLY, 24, "192.31.196.1"))

    def resolver(self, address, prefix):
        return Unbound(self.scratch, self.gw, address, prefix).start()

    def on_pi(self, resolver):
        """Words in front of a program that runs on the Pi and asks this resolver."""
        file = self.scratch.file(f"resolv.{resolver}", f"nameserver {resolver}\n")
        script = f'mount --bind {file} /etc/resolv.conf && exec "$@"'
        return [*self.pi.inside(), "unshare", "-m", "--", "sh", "-c", script, "sh"]


def _leaf(address, bits, router):
    nodad = " nodad" if ":" in address else ""
    rows = [f"addr add {address}/{bits} dev eth0{nodad}", "link set eth0 up"]
    return [*rows, f"route add default via {router}"]
