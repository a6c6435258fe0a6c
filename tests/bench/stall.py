# SPDX-License-Identifier: MIT
"""stall.py SCENARIO SECONDS FILE [cpu]: one way for a broker to fail, in a namespace of its own.

Theory of operation: run by stalls.py under `unshare` with a network and a mount namespace of its
own. The default route leads to a device behind which nobody listens: what is sent there vanishes,
as behind a firewall that drops. Names are looked up as a scenario says, by mounting private resolver
files over those of /etc. The result is written to FILE as JSON. With "cpu" nobody asks the agent
anything meanwhile, so that what it uses is its own.
"""

import json
import re
import signal
import socket
import sys
import threading
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from crowd import Lateness, Program, bare_port, latency
from harness import Agent, Mosquitto
from process import LOOPBACK, LabError, Scratch, families, free_port, program, wait_until
from subjects import Bare, make_certificates

# Documentation addresses (RFC 5737, RFC 3849).
GONE = ("2001:db8::7", "192.0.2.7")
RESOLVERS = ("2001:db8::53", "192.0.2.53")
OURS = ("2001:db8:1::2/64", "198.51.100.2/24")
NAME = "broker.example.net"
RATE = 5.0  # per caller: enough answers for a p99
SETTLE_S = 12  # what is read or said every ten seconds was so once
SLOT_S = 2
# A record of TLS 1.2 that promises a handshake message of 122 bytes, which never comes.
HALF_HANDSHAKE = bytes.fromhex("160303007a")


class Skipped(Exception):
    """A scenario that this machine cannot play."""


def ip(*words, must=True):
    try:
        meter.run(program("ip"), *words)
    except LabError:
        if must:
            raise
        return False
    return True


def make_hole():
    """Everything that is not for this machine vanishes."""
    ip("link", "set", "lo", "up")
    if not ip("link", "add", "hole", "type", "dummy", must=False):
        # Without dummy devices: a pair, whose far end gets frames that are not addressed to it.
        ip("link", "add", "hole", "type", "veth", "peer", "name", "drain")
        ip("link", "set", "drain", "arp", "off", "up")
    ip("link", "set", "hole", "arp", "off", "up")
    ip("address", "add", OURS[1], "dev", "hole")
    ip("route", "add", "default", "dev", "hole")
    if ip("address", "add", OURS[0], "dev", "hole", "nodad", must=False):
        ip("-6", "route", "add", "default", "dev", "hole")


def mount_over(scratch, path, text):
    name = path.replace("/", "_")
    meter.run(program("mount"), "--bind", str(scratch.file(name, text)), path)


class Silent:
    """A listener that accepts and sends what it is told to, then nothing more."""

    def __init__(self, greeting=b""):
        self.port, self.greeting, self.held = free_port(), greeting, []
        for family in families():
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK[family], self.port))
            listener.listen()
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            sock = listener.accept()[0]
            self.held.append(sock)
            sock.send(self.greeting)


class Scenario:
    """mqtt: settings of the agent; trouble(): starts what goes wrong (connects: once connected)."""

    connects = False

    def __init__(self, scratch):
        self.scratch = scratch
        self.mqtt = {}
        self.prepare()

    def prepare(self):
        raise NotImplementedError

    def trouble(self):
        """Nothing: it is wrong from the start."""


class Calm(Scenario):
    connects = True

    def prepare(self):
        self.broker = Mosquitto(self.scratch, ["log_type error"]).start()
        self.mqtt = {"host": "localhost", "port": self.broker.port}


class Blackholed(Scenario):
    def prepare(self):
        hosts = "".join(f"{address} {NAME}\n" for address in GONE)
        mount_over(self.scratch, "/etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{hosts}")
        mount_over(self.scratch, "/etc/nsswitch.conf", "hosts: files\n")
        self.mqtt = {"host": NAME}


class Vanished(Scenario):
    """The broker's machine was there and is gone: its address leads into the hole."""

    connects = True

    def prepare(self):
        ip("address", "add", f"{GONE[1]}/32", "dev", "lo")
        port = free_port()
        extra = ["log_type error", f"listener {port} {GONE[1]}"]
        self.broker = Mosquitto(self.scratch, extra).start()
        self.mqtt = {"host": GONE[1], "port": port}

    def trouble(self):
        ip("address", "delete", f"{GONE[1]}/32", "dev", "lo")


class NoResolver(Scenario):
    def prepare(self):
        servers = "".join(f"nameserver {address}\n" for address in RESOLVERS)
        mount_over(self.scratch, "/etc/resolv.conf", servers)
        mount_over(self.scratch, "/etc/nsswitch.conf", "hosts: dns\n")
        self.mqtt = {"host": NAME}


class Stopped(Calm):
    def trouble(self):
        self.broker.stop()


class Killed(Calm):
    def trouble(self):
        self.broker.kill()


class Mute(Scenario):
    def prepare(self):
        self.silent = Silent()
        self.mqtt = {"host": "localhost", "port": self.silent.port}


class HalfTls(Scenario):
    def prepare(self):
        self.silent = Silent(HALF_HANDSHAKE)
        ca_file = make_ca(self.scratch)
        self.mqtt = {"host": "localhost", "port": self.silent.port, "ca_file": ca_file}


class CalmTls(Scenario):
    connects = True

    def prepare(self):
        if not make_certificates(self.scratch):
            raise Skipped("openssl is not installed")
        port, folder = free_port(), self.scratch.path / "tls"
        files = [f"certfile {folder}/cert.pem", f"keyfile {folder}/key.pem"]
        extra = ["log_type error"]
        for family in families():
            extra += [f"listener {port} {LOOPBACK[family]}", *files]
        self.broker = Mosquitto(self.scratch, extra).start()
        self.mqtt = {"host": "localhost", "port": port, "ca_file": folder / "ca.pem"}


class StoppedTls(CalmTls):
    def trouble(self):
        self.broker.stop()


class KilledTls(CalmTls):
    def trouble(self):
        self.broker.kill()


def make_ca(scratch):
    path = scratch.path / "ca.pem"
    if program("openssl") is None:
        raise Skipped("openssl is not installed")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-days", "2", "-subj", "/CN=bench CA", "-out", str(path)]
    meter.run(*words, "-keyout", str(scratch.path / "ca.key"))
    return path


SCENARIOS = {
    "calm": Calm,
    "broker host blackholed": Blackholed,
    "broker host vanishes while connected": Vanished,
    "resolver blackholed": NoResolver,
    "broker stopped (SIGSTOP) while connected": Stopped,
    "broker killed": Killed,
    "broker accepts and says nothing": Mute,
    "broker stalls in the TLS handshake": HalfTls,
}


# Where only the processor time counts; calm is what the others are compared with.
CPU_SCENARIOS = {
    **SCENARIOS,
    "calm, over TLS": CalmTls,
    "TLS broker stopped (SIGSTOP) while connected": StoppedTls,
    "TLS broker killed": KilledTls,
}


def begin(scratch, name):
    """The agent, connected where the scenario is so, and what will go wrong."""
    scenario = CPU_SCENARIOS[name](scratch)
    config = {"mqtt": scenario.mqtt, "requests": {"source": "none"}}
    agent = Agent(scratch, config).start()
    wait_until(lambda: agent.status()["seq"] >= 2, what="two samples")
    if scenario.connects:
        meter.wait_connected(agent)
    return agent, scenario


def measure_cpu(scratch, name, seconds):
    agent, scenario = begin(scratch, name)
    time.sleep(SETTLE_S)
    logged = len(agent.log.read_text().splitlines())
    scenario.trouble()
    window, woken, seq = meter.Window(agent.pid), meter.wakeups(agent.pid), agent.status()["seq"]
    for _ in range(int(seconds // SLOT_S)):
        time.sleep(SLOT_S)
        window.slot()
    used, woken = window.end(), meter.wakeups(agent.pid) - woken
    status = agent.status()
    return {
        **used,
        "samples": status["seq"] - seq,
        "wakeups_s": round(woken / used["seconds"], 1),
        "log_lines": len(agent.log.read_text().splitlines()) - logged,
        "mqtt_state": status["notifiers"]["mqtt"]["state"],
        "mqtt_error": status["notifiers"]["mqtt"]["last_error"],
    }


def measure(scratch, name, seconds):
    agent, scenario = begin(scratch, name)
    port = bare_port(scratch)
    logged = len(agent.log.read_text().splitlines())
    scenario.trouble()

    reader = Bare(scratch, "read", "/proc/meminfo", name="bare-reader").start()
    callers = Program(scratch, "call-agent", agent.agent_port, seconds, RATE)
    control = Program(scratch, "call-bare", port, seconds, RATE)
    late, window = Lateness(agent), meter.Window(agent.pid)
    callers.start()
    control.start()
    status = late.watch(seconds, window)
    used = window.end()
    mqtt = status["notifiers"]["mqtt"]
    return {
        "agent": {**latency(callers.answer()), **late.result()},
        "bare": {**latency(control.answer()), "late_ms": reader.late_ms()},
        "cpu_ms_s": used["cpu_ms_s"],
        "cpu_ms_s_by_thread": used["cpu_ms_s_by_thread"],
        "heap_growth_kb": used["heap_growth_kb"],
        "log": agent.log.read_text().splitlines()[logged:],
        "mqtt_state": mqtt["state"],
        "mqtt_error": mqtt["last_error"],
    }


def main():
    name, seconds, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    what = measure_cpu if "cpu" in sys.argv[4:] else measure
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the tidying up
    scratch = Scratch("hostingpi-bench-")
    try:
        make_hole()
        found = what(scratch, name, seconds)
    except Skipped as error:
        found = {"skipped": str(error)}
    except (LabError, OSError) as error:
        found = {"error": re.sub(r"\s+", " ", str(error))[:300]}
    finally:
        scratch.close()
    with open(path, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
