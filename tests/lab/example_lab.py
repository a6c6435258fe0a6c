# SPDX-License-Identifier: MIT
"""The network that the examples are written for: two Pis and a balancer with the addresses in the files.

Theory of operation: one network namespace in which the documentation addresses (RFC 3849, RFC 5737) are
this machine's own, so that the examples run as they are, at the ports that stand in them. Each Pi is an agent
with a made-up /proc, in which a test sets the free memory, and a web server that says whose it is. Programs of
the balancer run inside; files and Unix sockets are those of the scratch folder outside. Only root may do this
without more ado: others skip.
"""

import collections
import os
import pathlib
import subprocess
import sys

import pytest

from harness import REPO, Agent
from process import Process, program, wait_until
from test_haproxy import PLENTY_KB, Memory
from web_servers import Namespace

EXAMPLES = REPO / "examples"
CAP = 20

# The page "piN" on both addresses of each Pi, slow on demand: /slow holds a request for a second.
# argv: addresses; with a PROXY header in front of a request it is skipped, and said in the page.
WEB = """
import socket, socketserver, sys, threading, time

def skip_proxy(file):
    first = file.peek(16)[:16]
    if first.startswith(b"PROXY "):
        return "v1 " + file.readline().split()[1].decode()
    if first == b"\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\x21\\x21\\0\\x24" or first.startswith(b"\\r\\n\\r\\n\\0\\r\\nQUIT\\n"):
        head = file.read(16)
        file.read(int.from_bytes(head[14:16], "big"))
        return "v2"
    return "none"

class Page(socketserver.StreamRequestHandler):
    def handle(self):
        if not self.rfile.peek(1):
            return
        proxy = skip_proxy(self.rfile)
        path = self.rfile.readline().split()[1]
        while self.rfile.readline().strip():
            pass
        if path == b"/slow":
            time.sleep(1)
        text = f"{self.server.name} {proxy}\\n".encode()
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(text))
        self.wfile.write(text)

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    request_queue_size = 128

for number, address in enumerate(sys.argv[1:]):
    Server.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = Server((address, 80), Page)
    server.name = "pi" + address[-1]
    threading.Thread(target=server.serve_forever).start()
open("web-up", "w").close()
"""

# argv: URL, how many requests; prints the pages, with what went wrong in their place. {cookie}: keeps it.
FETCH = """
import sys, urllib.error, urllib.request
for _ in range(int(sys.argv[2])):
    request = urllib.request.Request(sys.argv[1], headers=dict(w.split("=", 1) for w in sys.argv[3:]))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            print(answer.read().decode().strip())
    except urllib.error.HTTPError as error:
        print(error.code)
    except OSError as error:
        print(type(error).__name__)
"""


class Net(Namespace):
    """The addresses of the examples, on loopback."""

    ADDRESSES = (*(f"2001:db8::{n}" for n in ("1", "2", "80", "100")),
                 *(f"192.0.2.{n}" for n in ("1", "2", "80", "100")))

    def argv(self):
        adds = [f"ip addr add {one}{'/128' if ':' in one else '/32'} dev lo" for one in self.ADDRESSES]
        script = " && ".join(["ip link set lo up", *adds, "touch up", "exec sleep infinity"])
        return ["unshare", "--net", "sh", "-c", script]


class Inside(Process):
    """A program in the namespace; ready(): what to wait for."""

    def __init__(self, net, name, words, ready=None, env=None):
        super().__init__(net.scratch, name)
        self.words = [*net.wrapper, *(["env", *env] if env else []), *words]
        self.is_ready = ready

    def argv(self):
        return self.words

    def ready(self):
        return self.is_ready is None or self.is_ready()


class Pi:
    """One Pi of the examples: number 1 or 2."""

    def __init__(self, net, number, http=None):
        scratch = net.scratch
        folder = collections.namedtuple("Folder", "path")(scratch.path / f"pi{number}")
        folder.path.mkdir()
        self.name = f"pi{number}"
        self.addresses = (f"[2001:db8::{number}]", f"192.0.2.{number}")
        self.memory = Memory(folder)
        chip = self.memory.root / "sys/class/hwmon/hwmon0"
        chip.mkdir(parents=True)
        (chip / "name").write_text("rpi_volt\n", encoding="ascii")
        self.alarm = chip / "in0_lcrit_alarm"
        self.alarm.write_text("0\n", encoding="ascii")
        listen = {port: ", ".join(f"{one}:{port}" for one in self.addresses) for port in (9777, 9778)}
        self.agent = Agent(
            scratch,
            {"control": {"cap": CAP}, "haproxy": {"listen": listen[9777]},
             "http": {"listen": listen[9778], **(http or {})}},
            name=self.name, options=("--root", self.memory.root), wrapper=net.wrapper,
        )

    def start(self):
        self.agent.start()
        return self

    def decision(self):
        return self.agent.status()["decision"]

    def press(self):
        """The supply voltage is low: it sheds for as long as that is so, at 60 %."""
        self.alarm.write_text("1\n", encoding="ascii")
        return wait_until(lambda: self.decision()["state"] == "shed" and self.decision(), what="shed")

    def exhaust(self):
        self.memory.set(20_000)
        return wait_until(lambda: self.decision()["state"] == "hard" and self.decision(), what="hard")

    def relax(self):
        self.alarm.write_text("0\n", encoding="ascii")
        self.memory.set(PLENTY_KB)

    def drain(self):
        self.agent.ask("drain")

    def undrain(self):
        self.agent.ask("ready")


class Lab:
    """Net, two Pis and their web servers; what a test does with them."""

    def __init__(self, scratch, http=None):
        if os.geteuid() != 0 or not program("unshare") or not program("ip"):
            pytest.skip("needs root, unshare and ip for a network namespace")
        self.scratch = scratch
        self.net = Net(scratch).start()
        self.pis = [Pi(self.net, number, http).start() for number in (1, 2)]
        words = [sys.executable, "-c", WEB, *self.net.ADDRESSES[:2], *self.net.ADDRESSES[4:6]]
        Inside(self.net, "web", words, (scratch.path / "web-up").exists).start()

    def example(self, name, **changes):
        """A copy of an example in the scratch folder, with some words changed: {old: new}."""
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        for old, new in changes.get("words", {}).items():
            assert old in text, f"{old} is not in {name}"
            text = text.replace(old, str(new))
        return self.scratch.file(pathlib.Path(name).name, text)

    def program(self, name, *words, ready=None, env=None):
        return Inside(self.net, name, words, ready, env).start()

    def run(self, *words, **options):
        return subprocess.run([*self.net.wrapper, *map(str, words)], capture_output=True, text=True,
                              timeout=120, check=False, **options)

    def fetch(self, address, count=1, path="/", *headers):
        """The first words of as many pages."""
        done = self.run(sys.executable, "-c", FETCH, f"http://{address}{path}", count, *headers)
        assert done.returncode == 0, done.stderr
        return [line.split()[0] for line in done.stdout.splitlines()]
