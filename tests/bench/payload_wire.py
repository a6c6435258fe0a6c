# SPDX-License-Identifier: MIT
"""payload_wire.py SECONDS FILE: what programs send to a broker, packet by packet.

Theory of operation: run by payload.py under `unshare` with a network namespace of its own, in which
the loopback has the MTU of an Ethernet and hands on each TCP segment by itself. A packet socket sees
each of them; a subject is known by the port of its broker. Sizes are those of the IP packet, headers
of IP and TCP included; an Ethernet adds 38 bytes to each (frame, preamble and gap).

Telegraf is not in Debian. Its formats are made here from the readings of the agent, one measurement
for each group, and sent as its MQTT output does it: one message after the other on one connection,
each in a write of its own, with QoS 2 only after the one before is complete.
"""

import collections
import contextlib
import json
import signal
import socket
import struct
import sys
import threading
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from fleet_lab import FIXTURE, Broker
from harness import Agent, Nginx, Subscriber
from process import LabError, Scratch, free_port, program, wait_until
from subjects import Collectd

ETH_P_ALL = 3
PACKET_OUTGOING = 4  # loopback packets are seen twice
MTU = 1500
IPV6_HEADER = 40
SETTLE_S = 12  # the agent settles its state every ten seconds
BARE = "hostingpid without unknown (made)"

Packet = collections.namedtuple("Packet", "at port up size payload")


class Sniffer(threading.Thread):
    """All TCP packets of the loopback over IPv6, from start() to finish()."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.bind(("lo", 0))
        self.packets = []

    def run(self):
        while True:
            data, address = self.sock.recvfrom(IPV6_HEADER + 20)
            if address[2] == PACKET_OUTGOING or data[0] >> 4 != 6 or data[6] != socket.IPPROTO_TCP:
                continue
            (length,) = struct.unpack_from(">H", data, 4)
            source, target = struct.unpack_from(">HH", data, IPV6_HEADER)
            payload = length - (data[IPV6_HEADER + 12] >> 4) * 4
            now = time.monotonic()
            self.packets.append(Packet(now, target, True, length + IPV6_HEADER, payload))
            self.packets.append(Packet(now, source, False, length + IPV6_HEADER, payload))

    def count(self, port, since, until):
        seconds = until - since
        mine = [p for p in list(self.packets) if p.port == port and since <= p.at < until]
        return {
            "packets": round(len(mine) / seconds, 2),
            "packets_up": round(sum(p.up for p in mine) / seconds, 2),
            "wire_bytes": round(sum(p.size for p in mine) / seconds),
            "mqtt_bytes": round(sum(p.payload for p in mine) / seconds),
            "largest": max((p.size for p in mine), default=0),
        }


def publish_packet(topic, payload, qos, number):
    body = struct.pack(">H", len(topic)) + topic.encode()
    body += (struct.pack(">H", number) if qos else b"") + payload.encode()
    length, left = b"", len(body)
    while left >= 128:
        length += bytes([left % 128 | 128])
        left //= 128
    return bytes([0x30 | qos << 1]) + length + bytes([left]) + body


class Sender(threading.Thread):
    """Publishes the same messages once a second."""

    def __init__(self, port, messages, qos):
        super().__init__(daemon=True)
        self.sock = socket.create_connection(("::1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04send")
        self.read(4)
        self.messages, self.qos = messages, qos

    def read(self, size):
        while size:
            data = self.sock.recv(size)
            if not data:
                raise LabError("the broker hung up")
            size -= len(data)

    def publish(self, topic, payload, number):
        self.sock.sendall(publish_packet(topic, payload, self.qos, number))
        if self.qos == 2:
            self.read(4)
            self.sock.sendall(b"\x62\x02" + struct.pack(">H", number))
            self.read(4)

    def run(self):
        due = time.monotonic()
        with contextlib.suppress(OSError, LabError):  # the broker goes at the end
            while True:
                for number, (topic, payload) in enumerate(self.messages, 1):
                    self.publish(topic, payload, number)
                due += 1
                time.sleep(max(0, due - time.monotonic()))


def groups_of(document):
    """{group: {name: value}} of a state document: the readings, without what is only said of them."""
    return {
        name: values
        for name, values in document.items()
        if isinstance(values, dict) and name != "unknown" and values
    }


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def influx_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value)
    return f"{value}i" if isinstance(value, int) else repr(value)


def influx_line(group, fields, host, ts_ms):
    text = ",".join(f"{name}={influx_value(value)}" for name, value in fields.items())
    return f"{group},host={host} {text} {ts_ms}000000\n"


def json_metric(group, fields, host, ts_ms):
    tags = {"host": host}
    return {"fields": fields, "name": group, "tags": tags, "timestamp": ts_ms // 1000}


def telegraf_messages(document, host):
    """{what: (QoS, [(topic, payload)])}"""
    ts_ms = document["ts"]
    groups = groups_of(document)
    lines = {g: influx_line(g, fields, host, ts_ms) for g, fields in groups.items()}
    metrics = {g: json_metric(g, fields, host, ts_ms) for g, fields in groups.items()}
    topic = lambda group: f"telegraf/{host}/{group}"
    each_line = [(topic(g), line) for g, line in lines.items()]
    each_json = [(topic(g), compact(metric)) for g, metric in metrics.items()]
    fields = [(g, name, value) for g, values in groups.items() for name, value in values.items()]
    return {
        "Telegraf influx, QoS 0": (0, each_line),
        "Telegraf influx, QoS 2": (2, each_line),
        "Telegraf influx, one batch": (0, [(f"telegraf/{host}", "".join(lines.values()))]),
        "Telegraf JSON": (0, each_json),
        "Telegraf JSON, one batch": (
            0,
            [(f"telegraf/{host}", compact({"metrics": list(metrics.values())}))],
        ),
        "Telegraf, a message per field": (
            0,
            [(f"{topic(g)}/{name}", str(value)) for g, name, value in fields],
        ),
    }


class Subject:
    """A broker of its own, so that its port says whose packet it is; listened to at another port."""

    def __init__(self, scratch, number):
        self.side = free_port()
        side = [f"listener {self.side} ::1"]
        self.broker = Broker(scratch, side, name=f"broker{number}").start()
        self.listener = Subscriber(scratch, f"listener{number}", self.side, ["#"], host="::1")
        self.listener.start()

    def heard(self, since, until):
        with self.listener.changed:
            return [one for one in self.listener.messages if since <= one[0] < until]

    def newest_state(self):
        with self.listener.changed:
            states = [text for _, topic, text in self.listener.messages if topic.endswith("/state")]
        return json.loads(states[-1])


def count_readings(document):
    return sum(len(values) for values in groups_of(document).values())


def start_agent(scratch, subject, url, name, options=()):
    config = {
        "agent": {"id": "fleet-0000"},
        "mqtt": {"host": "::1", "port": subject.broker.port},
        "requests": {"url": url},
    }
    agent = Agent(scratch, config, name=name, options=options).start()
    meter.wait_connected(agent)
    wait_until(lambda: agent.status()["seq"] >= 5, what="five samples")
    return agent


def measure(scratch, seconds):
    url = Nginx(scratch).start().status_url()
    sniffer = Sniffer()
    sniffer.start()
    names = ["hostingpid, Pi 4 fixture", "hostingpid, this machine", "collectd, this machine"]
    subjects = {name: Subject(scratch, number) for number, name in enumerate(names)}
    start_agent(scratch, subjects[names[0]], url, "fixture", ("--root", FIXTURE))
    start_agent(scratch, subjects[names[1]], url, "machine")
    if program("collectd"):
        Collectd(scratch, subjects[names[2]].broker.port, url, host="::1").start()
    else:
        del subjects[names[2]]
    document = subjects[names[0]].newest_state()
    messages = telegraf_messages(document, "fleet-0000")
    known = {key: value for key, value in document.items() if key != "unknown"}
    messages[BARE] = (0, [("hostingpi/fleet-0000/state", compact(known))])
    for name, (qos, sent) in messages.items():
        subjects[name] = Subject(scratch, len(subjects) + 1)
        Sender(subjects[name].broker.port, sent, qos).start()
    time.sleep(SETTLE_S)
    since = time.monotonic()
    time.sleep(seconds)
    until = time.monotonic()
    time.sleep(0.5)  # for what is on its way to us
    rows = {}
    for name, subject in subjects.items():
        found = subject.heard(since, until)
        row = rows[name] = sniffer.count(subject.broker.port, since, until)
        if name in messages:
            row["messages"] = len(messages[name][1])
            row["readings"] = count_readings(document)
            continue
        row["messages"] = round(len(found) / seconds, 2)
        if name.startswith("collectd"):  # "time:value:value"
            row["readings"] = round(sum(text.count(":") for *_, text in found) / seconds, 1)
        else:
            row["readings"] = count_readings(subject.newest_state())
    sizes = {"document": compact(document), "unknown": compact(document.get("unknown", {}))}
    return {"rows": rows, **{f"{name}_bytes": len(text) for name, text in sizes.items()}}


def prepare():
    ip = program("ip")
    meter.run(ip, "link", "set", "lo", "mtu", str(MTU), "gso_max_segs", "1", "up")


def main():
    seconds, path = int(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the tidying up
    scratch = Scratch("hostingpi-bench-")
    try:
        prepare()
        found = measure(scratch, seconds)
    except (LabError, OSError) as error:
        found = {"error": " ".join(str(error).split())[:300]}
    finally:
        scratch.close()
    with open(path, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
