# SPDX-License-Identifier: MIT
"""A crowd of connections that nobody wants, as a program: prints one line of JSON at its end.

Theory of operation: connections of eight kinds are opened at a fixed rate, in turn over all pairs of
target and source address, and then held, all of them, whatever the server does. Nothing is ever read.
  silent     connects and says nothing         half      closes its own half at once
  drip       a byte each 200 ms                reset     connects and resets
  long       64 KiB without a line end         proxy     a PROXY header that is none
  binary     bytes as a TLS client sends them  greedy    asks for a page fifty times
"""

import argparse
import collections
import contextlib
import errno
import json
import os
import resource
import select
import socket
import struct
import time

KINDS = ("silent", "drip", "long", "binary", "half", "reset", "proxy", "greedy")
DRIP_S = 0.2
PAGE = b"GET /metrics HTTP/1.1\r\nHost: pi\r\n\r\n"
PROXY = (
    b"PROXY TCP4 999.999.999.999 ::1 99999 -1\r\nGET / HTTP/1.0\r\n\r\n",
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x21\xff\xff" + b"\xff" * 600,  # a length beyond all addresses
)


class Junk:
    def __init__(self, number, pair):
        (source, _), (target, port) = pair
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        self.kind = KINDS[number % len(KINDS)]
        self.number = number
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        self.sock.bind((source, 0))
        error = self.sock.connect_ex((target, port))
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))

    def act(self):
        """Connected: does what its kind does. True if it is over."""
        if self.kind == "long":
            self.sock.send(b"A" * 65536)
        elif self.kind == "binary":
            self.sock.send(b"\x16\x03\x01" + os.urandom(509))
        elif self.kind == "half":
            self.sock.shutdown(socket.SHUT_WR)
        elif self.kind == "proxy":
            self.sock.send(PROXY[self.number // len(KINDS) % len(PROXY)])
        elif self.kind == "greedy":
            self.sock.send(PAGE * 50)
        elif self.kind == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
            return True
        return False


class Crowd:
    def __init__(self, options):
        self.options = options
        self.poll = select.epoll()
        self.calling, self.drips = {}, collections.deque()
        self.held = []
        self.counts = collections.Counter()

    def open_one(self, number, pairs):
        try:
            junk = Junk(number, pairs[number // len(KINDS) % len(pairs)])
        except OSError as error:
            self.counts[errno.errorcode.get(error.errno, "?")] += 1
            return
        self.calling[junk.sock.fileno()] = junk
        self.poll.register(junk.sock, select.EPOLLOUT)

    def step(self):
        for fd, _ in self.poll.poll(0.005):
            junk = self.calling.pop(fd)
            self.poll.unregister(fd)
            error = junk.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.counts[junk.kind if not error else errno.errorcode.get(error, "?")] += 1
            with contextlib.suppress(OSError):
                if error or junk.act():
                    continue
            self.held.append(junk)
            if junk.kind == "drip":
                self.drips.append((time.monotonic(), junk))
        while self.drips and self.drips[0][0] <= time.monotonic():
            due, junk = self.drips.popleft()
            with contextlib.suppress(OSError):
                junk.sock.send(b"G")
                self.drips.append((due + DRIP_S, junk))

    def run(self, pairs):
        begin, number = time.monotonic(), 0
        while number < self.options.count:
            while number < min(self.options.count, (time.monotonic() - begin) * self.options.rate):
                self.open_one(number, pairs)
                number += 1
            self.step()
        opened_s = time.monotonic() - begin
        until = time.monotonic() + self.options.hold
        while time.monotonic() < until:
            self.step()
        return {
            "made": sum(self.counts[kind] for kind in KINDS),
            "counts": dict(self.counts),
            "held": len(self.held),
            "waiting": len(self.calling),
            "opened_s": round(opened_s, 1),
        }


def address(text):
    host, _, port = text.rpartition("@")
    return host or text, int(port) if host else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", action="append", required=True, help="ADDRESS@PORT")
    parser.add_argument("--source", action="append", required=True, help="ADDRESS")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="connections per second")
    parser.add_argument("--hold", type=float, required=True, help="seconds after the last one")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    pairs = [
        ((source, 0), address(target))
        for source in options.source
        for target in options.target
        if (":" in source) == (":" in target)
    ]
    print(json.dumps(Crowd(options).run(pairs)), flush=True)


if __name__ == "__main__":
    main()
