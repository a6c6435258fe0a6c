# SPDX-License-Identifier: MIT
"""All that looks at the guest from outside: the network it hangs on, a broker, pollers.

Theory of operation: the check runs in a network namespace of its own with nothing in it but loopback and the
cable to the guest (a tap device with addresses of both families that are reserved for documentation). So the guest can reach
nobody but us, and what it could do only with a network of packages fails. A poller asks like a load
balancer, each 100 ms, on one family, and keeps every answer, every failure and how long each took.
"""

import contextlib
import http.client
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

from process import Process
from system_guest import ADDRESSES, FAMILY_NAMES, HERE

TAP = "tap0"
AGENT_PORT, HTTP_PORT, BROKER_PORT, SECRET_PORT = 9777, 9778, 1883, 1884
POLL_S = 0.1
CALL_S = 60.0  # the slowest answer is a figure, not a verdict: on a busy machine all of the guest stands still
MARK = "HOSTINGPI_GUEST_NAMESPACE"


def unusable():
    """Why no such network can be made here, or None."""
    words = [*_unshare(), "ip", "tuntap", "add", TAP, "mode", "tap"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no network namespace with a tap device: {done.stderr.strip()}"


def _unshare():
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def enter():
    """Goes on in a network namespace: this program is started once more."""
    if MARK in os.environ:
        return
    os.environ[MARK] = "1"
    os.execvp("unshare", [*_unshare(), sys.executable, "-B", *sys.argv])


def lay_cable():
    commands = [
        "link set lo up",
        f"tuntap add {TAP} mode tap",
        f"addr add {HERE[socket.AF_INET]}/24 dev {TAP}",
        f"-6 addr add {HERE[socket.AF_INET6]}/64 dev {TAP} nodad",
        f"link set {TAP} up",
    ]
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


def ask(family, port=AGENT_PORT, send=b"", timeout=CALL_S):
    """All that the guest answers at a port."""
    with socket.create_connection((ADDRESSES[family], port), timeout=timeout) as call:
        call.sendall(send)
        said = b""
        while part := call.recv(4096):
            said += part
    return said.decode("utf-8", "replace").strip()


def visit():
    """One page of the guest's web server; who is busy may be late."""
    with contextlib.suppress(OSError):
        ask(socket.AF_INET6, 80, b"GET / HTTP/1.0\r\n\r\n")


def get(family, path, accept="*/*"):
    """(code, headers, body) of the guest's HTTP port."""
    line = http.client.HTTPConnection(ADDRESSES[family], HTTP_PORT, timeout=CALL_S)
    try:
        line.request("GET", path, headers={"Accept": accept})
        answer = line.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode("utf-8", "replace")
    finally:
        line.close()


_running = []


def end_pollers():
    """Those that a check left behind when it failed."""
    for poller in list(_running):
        poller.end()


class Poller:
    """Asks for the agent-check each 100 ms until told to end."""

    def __init__(self, family):
        self.family = family
        self.polls = []  # (begin, seconds, answer or None, what failed)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        _running.append(self)

    def _run(self):
        while not self.over.is_set():
            begin = time.monotonic()
            try:
                answer, failed = ask(self.family), ""
                if not answer:
                    failed = "an empty answer"
            except OSError as error:
                answer, failed = None, str(error)
            took = time.monotonic() - begin
            self.polls.append((begin, took, answer, failed))
            self.over.wait(max(0.0, POLL_S - took))

    def end(self):
        self.over.set()
        self.thread.join(2 * CALL_S)
        if self in _running:
            _running.remove(self)
        return self

    def failures(self):
        return [poll for poll in self.polls if poll[3]]

    def weights(self):
        """The weight of each answer that has one."""
        found = [answer.split() for _, _, answer, failed in self.polls if not failed]
        words = [word.rstrip("%") for line in found for word in line if word.endswith("%")]
        return [int(word) for word in words if word.isdigit()]

    def states(self):
        """The first words of the answers, in the order they were seen."""
        seen = []
        for _, _, answer, failed in self.polls:
            word = "failed" if failed else answer.split()[0]
            if not seen or seen[-1] != word:
                seen.append(word)
        return seen

    def longest(self):
        return max((took for _, took, _, _ in self.polls), default=0.0)

    def figure(self):
        return f"{FAMILY_NAMES[self.family]}: {len(self.polls)} polls, {len(self.failures())} failed, longest {self.longest():.2f} s"


class Pollers(list):
    """One for each family."""

    def __init__(self):
        super().__init__(Poller(family) for family in ADDRESSES)

    def end(self):
        for poller in self:
            poller.over.set()
        for poller in self:
            poller.end()
        return self

    def figure(self):
        return "; ".join(poller.figure() for poller in self)


class Broker(Process):
    """A mosquitto on the cable: one port for everybody, one for who has the password."""

    def __init__(self, scratch, user, password):
        super().__init__(scratch, "broker")
        secret = scratch.path / "passwords"
        secret.write_text(f"{user}:{password}\n", encoding="ascii")
        subprocess.run(["mosquitto_passwd", "-U", secret], check=True)
        lines = ["user root", "persistence false", "log_dest stderr", "log_type all", "per_listener_settings true"]
        for port, rule in ((BROKER_PORT, "allow_anonymous true"), (SECRET_PORT, f"password_file {secret}")):
            for address in HERE.values():
                lines += [f"listener {port} {address}", rule]
                if port == SECRET_PORT:
                    lines.append("allow_anonymous false")
        self.config = scratch.file("broker.conf", "\n".join([*lines, ""]))
        self.user, self.password = user, password

    def argv(self):
        return ["mosquitto", "-c", self.config]

    def ready(self):
        with socket.socket() as call:
            return call.connect_ex((HERE[socket.AF_INET], SECRET_PORT)) == 0


class Subscriber(Process):
    """Everything below hostingpi/ that a broker's port is told, one message in a line."""

    def __init__(self, broker, name, options=(), port=BROKER_PORT):
        super().__init__(broker.scratch, name)
        self.options = ["-h", HERE[socket.AF_INET], "-p", port, *options]
        self.read = 0
        self.found = []

    def argv(self):
        return ["mosquitto_sub", *self.options, "-t", "hostingpi/#", "-F", "%U %r %t %p"]

    def messages(self):
        """[(seconds, retained, topic, payload)]"""
        with open(self.log, "rb") as log:
            log.seek(self.read)
            whole = log.read().rpartition(b"\n")[0]
        self.read += len(whole) + 1 if whole else 0
        for line in whole.decode("utf-8", "replace").splitlines():
            words = line.split(" ", 3)
            if len(words) == 4 and words[1] in "01":
                self.found.append((float(words[0]), words[1] == "1", words[2], words[3]))
        return self.found

    def topics(self):
        return sorted({topic.split("/", 2)[-1] for _, _, topic, _ in self.messages()})


def tell_from_log(path, word):
    """Lines of a log with this word."""
    return [line for line in pathlib.Path(path).read_text(errors="replace").splitlines() if word in line]
