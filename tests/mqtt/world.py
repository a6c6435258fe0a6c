# SPDX-License-Identifier: MIT
"""The place where a fault is played: a broker, who listens there, an agent, and the cable between.

Theory of operation: what the agent said is known from observers, subscribers with QoS 1 at a
listener of the broker that the fault does not touch. When a broker starts anew the agent is kept
out (as if the broker did not run yet) until an observer stands, so that nothing gets past it
unseen. Events are provoked through the control socket, which no fault of the network reaches.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sys
import time

import where
from certificates import Authority
from harness import Agent, Mosquitto, Subscriber
from kmsg import make_root
from network import HUB, Network, run
from process import LOOPBACK, Process, families
from stand_ins import NameServer, Relay

NAME = "broker.example.net"
PORT, TLS_PORT, RELAY_PORT = 1883, 8883, 1885
USER, PASSWORD = "pi", "right"
FAMILIES = {"6": socket.AF_INET6, "4": socket.AF_INET}


class Broker(Mosquitto):
    """Observers come to self.port on loopback, the agent to port 1883, or 8883 with TLS."""

    def __init__(self, world, fault):
        super().__init__(world.scratch)
        self.world, self.tls, self.login = world, fault.tls, fault.login
        self.users = world.scratch.path / "users"
        self.identity = [world.scratch.path / name for name in ("listener.pem", "listener.key")]

    def install(self, certificate):
        """(certificate, key), for the next start or SIGHUP."""
        for source, place in zip(certificate, self.identity):
            shutil.copyfile(source, place)

    def configure(self, extra=()):
        lines = ["per_listener_settings true", "user root", "log_dest stderr"]
        lines += [f"log_type {kind}" for kind in ("error", "warning", "notice", "information")]
        # Nothing that an observer should see is thrown away here.
        lines += ["max_queued_messages 0", "max_inflight_messages 0", *extra]
        for family in families():
            lines += [f"listener {self.port} {LOOPBACK[family]}", "allow_anonymous true"]
        for family in self.world.net.families:
            lines += [f"listener {TLS_PORT if self.tls else PORT} {HUB[family]}"]
            lines += [f"allow_anonymous {'false' if self.login else 'true'}"]
            lines += [f"password_file {self.users}"] if self.login else []
            if self.tls:
                lines += [f"cafile {self.world.authority.certificate}"]
                lines += [f"certfile {self.identity[0]}", f"keyfile {self.identity[1]}"]
        self.config.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def set_password(self, password):
        self.users.write_text("", encoding="ascii")
        self.users.chmod(0o600)
        run("mosquitto_passwd", "-b", self.users, USER, password)


class Asker(Process):
    def __init__(self, world):
        super().__init__(world.scratch, "asker")
        self.world = world

    def argv(self):
        python = [sys.executable, "-B", where.HERE / "asker.py"]
        return [*self.world.net.enter, *python, self.world.agent.agent_port]

    def answers(self):
        """[(moment, microseconds or None)]"""
        text = self.log.read_text()
        rows = [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]
        return [(float(at), None if us == "-" else int(us)) for at, us in rows]


class World:
    def __init__(self, scratch, fault, interval):
        self.scratch, self.fault = scratch, fault
        self.observers, self.drains = [], False
        self.net = Network(scratch, fault.network)
        self.zone = NameServer(
            {family: [HUB[family]] for family in fault.network},
            [(FAMILIES[family], HUB[family]) for family in fault.network],
        )
        self.net.resolver(HUB[fault.network[0]])
        if fault.tls:
            self.authority = Authority(scratch.path)
            self.certificate = self.authority.sign(NAME)
        self.broker = Broker(self, fault)
        if fault.tls:
            self.broker.install(self.certificate)
        self.broker.set_password(PASSWORD)
        if fault.relay:
            self.relay = Relay(RELAY_PORT, (HUB[fault.network[0]], PORT))
        self.broker.configure(fault.prepare(self) if fault.prepare else ())
        self.broker.start()
        self.observe()
        self.agent = self.make_agent("agent", fault, interval).start()
        self.asker = Asker(self)

    def make_agent(self, name, fault, interval, **mqtt):
        port = RELAY_PORT if fault.relay else 0
        keys = {"host": NAME, "port": port, **fault.mqtt, **mqtt}
        if fault.tls:
            keys["ca_file"] = self.authority.certificate
        if fault.login:
            keys["credential_file"] = self.scratch.path / "credentials"
            self.say_password(PASSWORD)
        root = make_root(self.scratch, f"{name}.root")
        config = {"mqtt": keys, "requests": {"source": "none"}, "agent": {"interval": interval}}
        return Agent(
            self.scratch, config, name=name, options=("--root", root), wrapper=self.net.enter
        )

    def say_password(self, password):
        path = self.scratch.file("credentials", f"username = {USER}\npassword = {password}\n")
        path.chmod(0o600)

    def observe(self):
        name, port = f"observer{len(self.observers)}", self.broker.port
        # It must not leave a broker that is stopped for a while.
        options = ["-q", "1", "-k", "600"]
        sub = Subscriber(self.scratch, name, port, ["hostingpi/#"], options, host="::1")
        self.observers.append(sub.start())

    def broker_down(self):
        self.broker.kill()
        self.observers[-1].close()

    def broker_up(self):
        self.net.way("closed")
        self.broker.start()
        self.observe()
        self.net.way("open")

    def broker_again(self, extra=(), certificate=None):
        """Killed, and started with these further lines and this certificate."""
        self.net.way("closed")
        self.broker_down()
        self.broker.configure(extra)
        if certificate:
            self.broker.install(certificate)
        self.broker_up()

    def certificate_replaced(self):
        """By the one that it had first, with SIGHUP: nobody is thrown out."""
        self.broker.install(self.certificate)
        self.broker.signal(signal.SIGHUP)

    def heard(self):
        """[(moment, leaf, payload)] of this agent, from all observers."""
        found, start = [], "hostingpi/lab/"
        for sub in self.observers:
            with sub.changed:
                found += sub.messages
        return [
            (at, topic.removeprefix(start), text)
            for at, topic, text in found
            if topic.startswith(start)
        ]

    def status(self):
        return self.agent.status()

    def mqtt(self):
        return self.status()["notifiers"]["mqtt"]

    def provoke(self):
        """One event more: the operator takes the machine out, or back in."""
        self.drains = not self.drains
        self.agent.ask("drain" if self.drains else "ready")

    def descriptors(self):
        """What is open while nobody asks, in the shortest of some looks: callers linger."""
        folder = pathlib.Path(f"/proc/{self.agent.pid}/fd")
        looks = []
        for _ in range(30):
            found = []
            for path in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    found.append(os.readlink(path).partition(":[")[0])
            looks.append(sorted(found))
            time.sleep(0.01)
        return min(looks, key=len)

    def documents(self, *leaves):
        """[(moment, leaf, document, its text)]"""
        heard = (one for one in self.heard() if one[1] in leaves)
        return [(at, leaf, json.loads(text), text) for at, leaf, text in heard]
