# SPDX-License-Identifier: MIT
"""What HTTP tests share: three ways to the agent's endpoint, and its document for Prometheus, parsed."""

import contextlib
import http.client
import re
import socket

import process

WAYS = ["ipv6", "ipv4", "unix"]


class UnixConnection(http.client.HTTPConnection):
    """http.client over a Unix socket."""

    def __init__(self, path, timeout=20):
        super().__init__("pi", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def connect(agent, way="ipv6"):
    """A connection to the agent; it stays open from one request to the next."""
    if way == "unix":
        return UnixConnection(agent.run_dir / "http.sock")
    family = socket.AF_INET6 if way == "ipv6" else socket.AF_INET
    return http.client.HTTPConnection(process.LOOPBACK[family], agent.http_port, timeout=20)


def get(agent, path, way="ipv6", method="GET", headers=None):
    """(code, fields, body) of one request."""
    with contextlib.closing(connect(agent, way)) as connection:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def raw(agent, data, family=socket.AF_INET6):
    """All that is answered to these bytes, until the agent closes."""
    with contextlib.closing(socket.socket(family)) as sock:
        sock.settimeout(20)
        sock.connect((process.LOOPBACK[family], agent.http_port))
        sock.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := sock.recv(65536):
                answer += chunk
    return answer


def all_ways(agent):
    """The value of listen with all three ways."""
    return f"{agent.listen(agent.http_port)}, unix:{agent.run_dir}/http.sock"


SAMPLE = re.compile(r'^([a-z0-9_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\.)*)"')
ESCAPED = re.compile(r"\\(.)")


def parse(text):
    """{name: [(labels, number)]} and {family: type} of either format; strict about lines."""
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            family, kind = line[7:].split(" ")
            assert family not in types, f"{family} begins twice"
            types[family] = kind
        elif not line.startswith("# "):
            match = SAMPLE.match(line)
            assert match, line
            labels = {key: ESCAPED.sub(r"\1", value) for key, value in LABEL.findall(match[2] or "")}
            samples.setdefault(match[1], []).append((labels, float(match[3])))
    return samples, types


def number(samples, name):
    """The value of the only series of this name, which has no labels."""
    [(labels, value)] = samples[name]
    assert not labels
    return value
