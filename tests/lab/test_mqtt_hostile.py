# SPDX-License-Identifier: MIT
"""The MQTT notifier with impostors instead of a broker, and with bad name servers."""

import contextlib
import os
import pathlib
import random
import socket
import subprocess
import threading
import time

import harness
import pytest
from certificates import make_ca
from mqtt_lab import is_topic, mqtt_config, mqtt_status, wait_connected, wait_log, wait_seq


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Impostor:
    """Listens where a broker should be; what(connection) is called for each caller."""

    def __init__(self, port, what):
        self.server = socket.create_server(("::1", port), family=socket.AF_INET6)
        self.what = what
        self.calls = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.calls += 1
            with connection:
                connection.settimeout(30)
                try:
                    self.what(connection)
                except OSError:
                    pass

    def close(self):
        # Ends accept(), too, which close() alone does not.
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def talk_noise(connection):
    noise = random.Random(1).randbytes(65536)  # the same for every caller
    while True:
        connection.sendall(noise)


def start_endless_packet(connection):
    connection.recv(4096)
    connection.sendall(b"\x20\x02\x00\x00\x30\xff\xff\xff\x7f")
    while True:
        connection.sendall(b"x" * 65536)


def hang_up(connection):
    connection.recv(1)


@pytest.mark.parametrize("what", [talk_noise, start_endless_packet, hang_up])
def test_impostor(scratch, start_agent, what):
    port = harness.free_port()
    impostor = Impostor(port, what)
    agent = start_agent(mqtt_config(port))
    memory = agent.memory_bytes()
    harness.wait_until(lambda: impostor.calls >= 4, 60, what="four attempts")
    harness.wait_until(lambda: mqtt_status(agent)["last_error"])
    assert agent.agent_check().startswith("up ")
    assert agent.memory_bytes() < memory + 4 * 2**20
    told = [line for line in agent.tail(100000).splitlines() if "warning: mqtt:" in line]
    assert 1 <= len(told) <= 2 and len(set(told)) == len(told)  # however often it happens
    impostor.close()
    broker = harness.Mosquitto(scratch, port=port).start()
    broker.subscriber().wait_for(is_topic("state"), 40)


def test_tls_impostor(scratch, start_agent):
    port = harness.free_port()
    impostor = Impostor(port, hang_up)
    agent = start_agent(mqtt_config(port, ca_file=make_ca(scratch, "ca")))
    harness.wait_until(lambda: impostor.calls >= 10, 60, what="ten attempts")
    wait_log(agent, "the broker closed the connection")
    assert agent.tail(100000).count("warning: mqtt:") == 1
    impostor.close()


def test_tls_listener_that_never_answers_costs_no_time(scratch, start_agent):
    """The handshake is waited for, not polled for (libmosquitto issue 3745)."""
    port = harness.free_port()
    impostor = Impostor(port, lambda connection: connection.recv(100000) and time.sleep(30))
    agent = start_agent(mqtt_config(port, ca_file=make_ca(scratch, "ca")))
    harness.wait_until(lambda: impostor.calls >= 1)
    before = cpu_s(agent.pid)
    wait_log(agent, "no MQTT greeting within 10 s", timeout=60)
    assert cpu_s(agent.pid) - before < 2  # spinning would be ten
    impostor.close()


def take_packets(connection):
    """(type, packet identifier or None) of what the agent sends."""
    with connection.makefile("rb") as stream:
        while head := stream.read(1):
            length, shift = 0, 0
            while True:
                byte = stream.read(1)[0]
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            body = stream.read(length)
            qos = head[0] >> 1 & 3 if head[0] >> 4 == 3 else 0
            at = 2 + int.from_bytes(body[:2], "big")
            yield head[0] >> 4, body[at : at + 2] if qos else body[:2]


def acknowledge_and_read_no_more(connection):
    """History is due all the time, and there is no room for it."""
    published = 0
    for kind, number in take_packets(connection):
        if kind == 1:
            connection.sendall(b"\x20\x02\x00\x00")
        elif kind == 8:
            connection.sendall(b"\x90\x03" + number + b"\x00")
        elif kind == 3:
            published += 1
            connection.sendall(b"\x40\x02" + number)
        if published == 12:
            break
    for first in range(10, 400, 3):
        for number in range(first, first + 12):
            connection.sendall(b"\x40\x02" + number.to_bytes(2, "big"))
        time.sleep(0.3)


def test_broker_that_acknowledges_and_does_not_read_costs_no_time(scratch, start_agent):
    port = harness.free_port()
    agent = start_agent(mqtt_config(port, history_rate=100))
    wait_seq(agent, 25)
    impostor = Impostor(port, acknowledge_and_read_no_more)
    impostor.server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    wait_connected(agent)
    wait_seq(agent, 2)
    before = cpu_s(agent.pid)
    wait_seq(agent, 6)
    assert cpu_s(agent.pid) - before < 2  # spinning would be six
    impostor.close()


def may_unshare():
    probe = [harness.program("unshare") or "unshare", "-m", "true"]
    with contextlib.suppress(OSError):
        return os.geteuid() == 0 and subprocess.run(probe, timeout=30).returncode == 0
    return False


@pytest.mark.skipif(not may_unshare(), reason="needs root and a mount namespace")
class TestResolver:
    """/etc/hosts and /etc/resolv.conf replaced, for the agent only."""

    def agent(self, scratch, config, name, text, options=()):
        file = scratch.file(f"etc-{name}", text)
        script = f'mount --bind {file} /etc/{name} && exec "$@"'
        wrapper = ["unshare", "-m", "--", "sh", "-c", script, "sh"]
        return harness.Agent(scratch, config, wrapper=wrapper, options=options)

    def test_second_address_answers(self, scratch):
        if len(harness.families()) < 2:
            pytest.skip("only one loopback family here")
        port = harness.free_port()
        hosts = "::1 broker.test\n127.0.0.1 broker.test\n127.0.0.2 broker.test\n"
        config = mqtt_config(port, "broker.test")
        agent = self.agent(scratch, config, "hosts", hosts, ["-l", "debug"]).start()
        wait_log(agent, "Connection refused")
        wait_log(agent, "127.0.0.2", 2)
        assert agent.tail(100000).count("warning: mqtt:") == 1
        listener = [f"listener {port} 127.0.0.2"]
        harness.Mosquitto(scratch, listener, port=port, listeners=False).spawn()
        wait_connected(agent)
        assert mqtt_status(agent)["address"] == f"127.0.0.2:{port}"

    def test_resolver_never_answers(self, scratch):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.bind(("127.0.0.77", 53))  # takes questions and keeps them
        resolv = "nameserver 127.0.0.77\noptions timeout:30 attempts:1\n"
        config = mqtt_config(1883, "broker.test")
        agent = self.agent(scratch, config, "resolv.conf", resolv, ["-l", "debug"]).start()
        assert sink.recv(512)
        assert mqtt_status(agent)["state"] == "looking the name up"
        first = agent.status()["seq"]
        harness.wait_until(lambda: agent.status()["seq"] >= first + 3)
        assert agent.agent_check().startswith("up ")
        agent.configure({"mqtt": {"host": "::1"}})
        agent.reload()  # the old thread is left behind
        wait_log(agent, "its thread is left behind")
        harness.wait_until(lambda: mqtt_status(agent)["last_error"])
        assert agent.term() == 0
        sink.close()

    def test_each_thread_has_a_heap_of_its_own(self, scratch):
        """With memory touched for a full flight; also the one that comes while another is left behind."""
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.bind(("127.0.0.77", 53))
        sink.settimeout(harness.DEADLINE_S)
        resolv = "nameserver 127.0.0.77\noptions timeout:30 attempts:1\n"
        config = mqtt_config(1883, "first.test")
        agent = self.agent(scratch, config, "resolv.conf", resolv).start()
        if "libasan" in pathlib.Path(f"/proc/{agent.pid}/maps").read_text():
            pytest.skip("ASan has a heap of its own")
        for threads, name in enumerate(("first", "second", "third"), 1):
            agent.configure({"mqtt": {"host": f"{name}.test"}})
            agent.reload()
            while name.encode() not in sink.recv(512):
                pass
            heaps = agent.heaps_kb()[1]
            assert len(heaps) == threads and min(heaps) >= 40
        agent.kill()
        sink.close()
