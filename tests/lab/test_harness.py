# SPDX-License-Identifier: MIT
"""The harness itself: every daemon but ours starts, answers on both families and goes away."""

import os
import signal
import socket
import urllib.request

import harness
import pytest


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_broker_is_killed_stopped_and_comes_back(mosquitto):
    sub = mosquitto.subscriber("t/#", host="127.0.0.1")
    mosquitto.publish("t/a", "one")
    assert sub.wait_for(lambda topic, payload: (topic, payload) == ("t/a", "one"))
    assert mosquitto.kill() == -signal.SIGKILL
    assert not harness.can_connect(mosquitto.port)
    mosquitto.start()
    mosquitto.publish("t/a", "two", ["-r"])
    assert sub.wait_for(lambda topic, payload: payload == "two")
    mosquitto.stop()
    with open(f"/proc/{mosquitto.pid}/stat", encoding="ascii") as file:
        harness.wait_until(lambda: (file.seek(0), file.read())[1].split()[2] == "T")
    mosquitto.cont()
    mosquitto.publish("t/a", "three")
    assert sub.wait_for(lambda topic, payload: payload == "three")


def test_nginx_tells_its_status_everywhere(nginx):
    for family in harness.families():
        with urllib.request.urlopen(nginx.status_url(family), timeout=10) as answer:
            assert b"Active connections" in answer.read()
        url = f"http://{harness.url_host(family)}:{nginx.page_ports[0]}/"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read() == b"a page\n"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(nginx.status_socket))
        sock.sendall(b"GET /nginx_status HTTP/1.0\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_haproxy_shows_weights(nginx, start_haproxy):
    with socket.create_server(("127.0.0.1", 0)) as agent:
        agent.settimeout(20)
        server = {"name": "pi", "port": nginx.page_ports[0], "agent_family": socket.AF_INET}
        server["agent_port"] = agent.getsockname()[1]
        haproxy = start_haproxy([server, {"name": "other", "port": nginx.page_ports[0]}])
        assert haproxy.weight("pi") == 100
        peer, _ = agent.accept()
        assert peer.recv(100) == b"lb1/pool\n"
        peer.sendall(b"up 40% maxconn:7 # shed test\n")
        peer.close()
        harness.wait_until(lambda: haproxy.weight("pi") == 40, what="weight 40")
        harness.wait_until(lambda: haproxy.maxconn("pi") == 7, what="maxconn 7")
        assert haproxy.weight("other") == 100
        assert haproxy.status("pi").startswith("UP")


def test_scratch_leaves_nothing_behind():
    scratch = harness.Scratch()
    broker = harness.Mosquitto(scratch).start()
    sub = broker.subscriber()
    broker.stop()
    pids = [broker.pid, sub.pid]
    scratch.close()
    assert not scratch.path.exists()
    assert not any(alive(pid) for pid in pids)


def test_a_daemon_that_ends_is_reported():
    scratch = harness.Scratch()
    try:
        with pytest.raises(harness.LabError, match="ended with"):
            harness.Mosquitto(scratch, extra=["no_such_option yes"]).start()
    finally:
        scratch.close()
