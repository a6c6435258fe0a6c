# SPDX-License-Identifier: MIT
"""MQTT 5 with a real broker: what it says when it refuses, and brokers that know only 3.1.1."""

import socket
import threading

import harness
from mqtt_lab import TOPIC, is_topic, mqtt_config, mqtt_status, wait_connected, wait_log


def test_version_5(mosquitto, start_agent):
    sub = mosquitto.subscriber(options=["-V", "5"])
    agent = start_agent(mqtt_config(mosquitto.port, protocol="5"))
    sub.wait_for(is_topic("state"))
    sub.wait_for(is_topic("availability", "online"))
    wait_log(mosquitto, "as hostingpi-lab (p5, c1, k30")
    # availability, about, weight
    harness.wait_until(lambda: mqtt_status(agent)["acknowledged"] >= 3, what="PUBACKs")
    agent.kill()
    sub.wait_for(is_topic("availability", "offline"))


def test_refused_login(scratch, start_mosquitto, start_agent):
    broker = start_mosquitto(["allow_anonymous false"])
    agent = start_agent(mqtt_config(broker.port, protocol="5"))
    wait_log(agent, "the broker refuses the login: not authorised: look at credential_file")


def test_access_list_forbids_a_topic(scratch, start_mosquitto, start_agent):
    """The broker does not take it and says so: the queue goes on."""
    rules = scratch.file("acl", f"topic readwrite {TOPIC}availability\ntopic read #\n")
    broker = start_mosquitto([f"acl_file {rules}"])
    agent = start_agent(mqtt_config(broker.port, protocol="5"))
    wait_log(broker, "Denied PUBLISH from hostingpi-lab")
    harness.wait_until(lambda: mqtt_status(agent)["waiting"] == 0, what="nothing waits")
    first = agent.status()["seq"]
    harness.wait_until(lambda: agent.status()["seq"] >= first + 2)
    assert mqtt_status(agent)["connected"] and mqtt_status(agent)["connections"] == 1


def test_small_packets_only(scratch, start_mosquitto, start_agent):
    """What the broker would end the connection for is not sent, where it said its limit."""
    broker = start_mosquitto(["max_packet_size 200"])
    agent = start_agent(mqtt_config(broker.port, protocol="5"))
    wait_log(broker, "Received PUBLISH from hostingpi-lab")
    assert "Oversize" not in broker.log.read_text()
    assert agent.agent_check().startswith("up ")


class OldBroker:
    """Knows MQTT 3.1.1 only: refuses version 5 as section 3.1.2.2 says, and takes messages."""

    def __init__(self, port):
        self.server = socket.create_server(("::1", port), family=socket.AF_INET6)
        self.levels = []
        self.topics = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb", buffering=0) as stream:
                try:
                    self._serve(stream)
                except (OSError, EOFError):
                    pass

    @staticmethod
    def _packet(stream):
        kind = stream.read(1)
        length = shift = 0
        byte = b"\x80"
        while kind and byte and byte[0] & 0x80:
            byte = stream.read(1)
            length |= (byte[0] & 0x7F) << shift if byte else 0
            shift += 7
        body = b""
        while kind and len(body) < length and (chunk := stream.read(length - len(body))):
            body += chunk
        if not kind or len(body) < length:
            raise EOFError
        return kind[0], body

    def _serve(self, stream):
        _, body = self._packet(stream)
        self.levels.append(body[6])
        stream.write(bytes([0x20, 2, 0, 0 if body[6] == 4 else 1]))
        while body[6] == 4 or self._packet(stream):  # the refused one hangs up itself
            kind, packet = self._packet(stream)
            if kind & 0xF0 == 0x30:
                end = 2 + int.from_bytes(packet[:2], "big")
                self.topics.append(packet[2:end].decode())
                if kind & 6:
                    stream.write(b"\x40\x02" + packet[end : end + 2])
            elif kind == 0x82:
                stream.write(b"\x90\x03" + packet[:2] + b"\x00")
            elif kind == 0xC0:
                stream.write(b"\xd0\x00")

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def test_broker_that_knows_only_3_1_1(start_agent):
    broker = OldBroker(harness.free_port())
    port = broker.server.getsockname()[1]
    agent = start_agent(mqtt_config(port, protocol="5"))
    wait_log(agent, "set protocol = 3.1.1")
    harness.wait_until(lambda: len(broker.levels) >= 3, what="it tries again")
    assert agent.tail(100000).count("warning: mqtt:") == 1 and set(broker.levels) == {5}
    agent.configure({"mqtt": {"protocol": "3.1.1"}})
    agent.reload()
    wait_connected(agent)
    harness.wait_until(lambda: TOPIC + "state" in broker.topics)
    broker.close()
