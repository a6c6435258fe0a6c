# SPDX-License-Identifier: MIT
"""Callers of an agent-check port and what disturbs them; programs of their own for run.py.

Theory of operation: `callers.py call` makes polls as HAProxy does (connect, name, first line) at
fixed moments from one thread per caller, and measures from the call to the line. A caller that
missed its moment because its last poll took so long counts from that moment, so that a slow answer
is not hidden by the polls it prevented. `callers.py junk` opens connections of three kinds, which
it holds for a while: silent, binary bytes, and half-closed at once. Both print one JSON line.
"""

import argparse
import collections
import contextlib
import errno
import json
import os
import resource
import socket
import sys
import threading
import time

import where  # noqa: F401 (makes the lab's modules importable)
from process import LOOPBACK, families

TIMEOUT_S = 5.0
HOLD_S = 0.5  # junk stays connected for so long
BATCH_S = 0.01


def poll(family, port, name):
    """One poll; returns when the line is there."""
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect((LOOPBACK[family], port))
        sock.sendall(name)
        line = b""
        while b"\n" not in line:
            chunk = sock.recv(256)
            if not chunk:
                raise OSError(errno.ECONNRESET, "no line")
            line += chunk
        end = time.monotonic()
        with contextlib.suppress(OSError):
            while sock.recv(256):
                pass
    return end


class Caller(threading.Thread):
    def __init__(self, number, options):
        super().__init__(daemon=True)
        usable = families()
        self.family = usable[number % len(usable)]
        self.name_line = f"lb{number}/pool\n".encode()
        self.options = options
        self.offset = number / options.callers / options.rate
        self.latencies = []  # microseconds
        self.failed = 0

    def run(self):
        due = time.monotonic() + self.offset
        last = due + self.options.seconds - 1 / self.options.rate
        stuck = False
        while due <= last:
            time.sleep(max(0.0, due - time.monotonic()))
            begin = due if stuck else time.monotonic()
            try:
                end = poll(self.family, self.options.port, self.name_line)
            except OSError:
                end = time.monotonic()
                self.failed += 1
            self.latencies.append(round((end - begin) * 1e6))
            due += 1 / self.options.rate
            stuck = due < end


def call(options):
    sys.setswitchinterval(1e-4)
    callers = [Caller(number, options) for number in range(options.callers)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return {
        "latencies_us": sorted(sum((caller.latencies for caller in callers), [])),
        "failed": sum(caller.failed for caller in callers),
    }


def open_junk(family, port, kind):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    if sock.connect_ex((LOOPBACK[family], port)) not in (0, errno.EINPROGRESS):
        sock.close()
        return None
    with contextlib.suppress(OSError):
        if kind == 1:
            sock.send(b"\x16\x03\x01" + os.urandom(200))  # as a caller that speaks TLS would
        elif kind == 2:
            sock.shutdown(socket.SHUT_WR)
    return sock


def junk(options):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    usable, made, refused = families(), 0, 0
    held = collections.deque()
    begin = time.monotonic()
    while (now := time.monotonic()) < begin + options.seconds:
        while made + refused < (now - begin) * options.rate:
            number = made + refused
            sock = open_junk(usable[number % len(usable)], options.port, number // 2 % 3)
            if sock is None:
                refused += 1
            else:
                made += 1
                held.append((now + HOLD_S, sock))
        while held and held[0][0] <= now:
            held.popleft()[1].close()
        time.sleep(BATCH_S)
    return {"made": made, "refused": refused, "seconds": time.monotonic() - begin}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("call", "junk"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, required=True, help="per caller; of junk: in all")
    parser.add_argument("--callers", type=int, default=8)
    options = parser.parse_args()
    print(json.dumps(call(options) if options.what == "call" else junk(options)), flush=True)


if __name__ == "__main__":
    main()
