# SPDX-License-Identifier: MIT
"""Connections that nobody should make: junk, half requests, clients that take their time.

Theory of operation: one thread opens them, in bursts, and holds at most some dozens; each kind is a function
over a connected socket. They may be reset at any time.
"""

import contextlib
import socket
import threading

import where  # noqa: F401 (makes the lab's modules importable)
from process import LOOPBACK, families

HELD = 60
HALF_REQUEST = b"GET /metrics HTTP/1.1\r\nHost: pi\r\nX-Half:"
REQUEST = b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n"


def binary(sock, rng):
    sock.sendall(rng.randbytes(rng.randint(1, 3000)))


def half_closed(sock, _rng):
    sock.shutdown(socket.SHUT_WR)


def head(sock, rng):
    """More of it than is allowed, or what must be answered with an error."""
    texts = (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000, b"POST /health HTTP/1.1\r\nHost: a\r\n\r\n")
    sock.sendall(rng.choice((*texts, b"GET / HTTP/9.9\r\n\r\n", REQUEST * 5)))


def slow(sock, _rng):
    sock.sendall(b"G")


def half_request(sock, _rng):
    sock.sendall(HALF_REQUEST)


def reader(sock, _rng):
    """Asks for much, again and again, and reads nothing."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.sendall(REQUEST)


def control(_sock, _rng):
    """Says nothing."""


def control_half(sock, _rng):
    sock.sendall(b'{"command": "stat')


KINDS = {
    "binary": binary,
    "half-closed": half_closed,
    "head": head,
    "slow": slow,
    "half request": half_request,
    "reader": reader,
    "control": control,
    "control half": control_half,
}


class Crowd:
    def __init__(self, world, kinds, rng):
        self.world, self.kinds, self.rng = world, kinds, rng
        self.over = threading.Event()
        self.held = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def end(self):
        self.over.set()
        self.thread.join(20)
        for sock in self.held:
            sock.close()

    def _connect(self, kind):
        if kind.startswith("control"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(1)
            sock.connect(str(self.world.agent.run_dir / "control.sock"))
            return sock
        family = self.rng.choice(families())
        agent = self.world.agent
        port = agent.http_port
        if kind in ("binary", "half-closed"):
            port = self.rng.choice((agent.http_port, agent.agent_port))
        return socket.create_connection((LOOPBACK[family], port), 1)

    def _run(self):
        while not self.over.wait(self.rng.uniform(0, 0.1)):
            for _ in range(self.rng.randint(1, 10)):
                kind = self.rng.choice(self.kinds)
                with contextlib.suppress(OSError):
                    sock = self._connect(kind)
                    self.held.append(sock)
                    KINDS[kind](sock, self.rng)
                    self.world.count("strangers")
            while len(self.held) > HELD:
                self.held.pop(self.rng.randrange(len(self.held))).close()
