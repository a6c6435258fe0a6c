# SPDX-License-Identifier: MIT
"""The real agent over HTTP: documents over both families and a Unix socket, states, strangers.

Theory of operation: the agent reads a made-up /proc (--root), in which a test sets the free memory.
What comes over HTTP is compared with what the control socket says.
"""

import contextlib
import json
import os
import re
import socket
import stat
import subprocess
import threading

import harness
import http_lab
import process
import pytest
from http_lab import get, raw
from test_haproxy import CAP, PLENTY_KB, Memory

HARD_KB = 40_000


@pytest.fixture
def memory(scratch):
    return Memory(scratch)


@pytest.fixture
def agent(scratch, memory):
    """Listens on all three ways."""
    agent = harness.Agent(scratch, {"control": {"cap": CAP}}, options=("--root", memory.root))
    agent.configure({"http": {"listen": http_lab.all_ways(agent)}})
    return agent.start()


def state(agent):
    return agent.status()["decision"]["state"]


def wait_state(agent, word):
    harness.wait_until(lambda: state(agent) == word, what=f"the state {word}")


@pytest.mark.parametrize("way", http_lab.WAYS)
def test_documents(agent, way):
    code, fields, body = get(agent, "/health", way)
    assert code == 200 and body.startswith("up 100% maxconn:20 # normal ")
    assert fields["X-Hostingpi-State"] == "normal" and fields["X-Hostingpi-Weight"] == "100"
    assert fields["X-Hostingpi-Maxconn"] == "20" and fields["Cache-Control"] == "no-store"
    code, fields, body = get(agent, "/status.json", way)
    assert code == 200 and fields["Content-Type"] == "application/json"
    document = json.loads(body)
    assert document["id"] == "lab"
    assert document["notifiers"]["http"]["answers"]["200"] >= 1
    code, _, body = get(agent, "/?format=text", way)
    assert code == 200 and "state      normal: ok" in body
    assert get(agent, "/", way)[0] == 200
    assert get(agent, "/nothing", way)[0] == 404
    code, fields, _ = get(agent, "/", way, method="POST")
    assert code == 405 and fields["Allow"] == "GET, HEAD"


def test_the_unix_socket_is_open_to_other_programs(agent):
    mode = os.stat(agent.run_dir / "http.sock").st_mode
    assert stat.S_ISSOCK(mode) and mode & 0o777 == 0o666


@pytest.mark.parametrize("way", http_lab.WAYS)
def test_a_connection_stays_open(agent, way):
    with contextlib.closing(http_lab.connect(agent, way)) as connection:
        connection.connect()
        sock = connection.sock
        for path in ["/health", "/metrics", "/status.json", "/nothing", "/"] * 20:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == (404 if path == "/nothing" else 200)
            assert connection.sock is sock
    # HEAD says the same without the body; readings may have other lengths a moment later.
    with contextlib.closing(http_lab.connect(agent, way)) as connection:
        for path in ["/health", "/metrics", "/status.json"]:
            connection.request("HEAD", path)
            answer = connection.getresponse()
            assert answer.status == 200 and int(answer.headers["Content-Length"]) > 10
            assert answer.read() == b""


CODES = {
    # state: plain, with soft=404
    "normal": (200, 200),
    "recover": (200, 200),
    "shed": (200, 404),
    "hold": (503, 404),
    "hard": (503, 503),
}


def check_health(agent):
    """The state of the last answer; each answer's code and fields fit the state that it names."""
    for i, path in enumerate(["/health", "/health?soft=404"]):
        code, fields, _ = get(agent, path)
        word = fields["X-Hostingpi-State"]
        assert code == CODES[word][i], word
        assert ("x-envoy-degraded" in fields) == (word in ("shed", "recover"))
        assert ("Retry-After" in fields) == (code == 503)
        assert word == "normal" or int(fields["X-Hostingpi-Weight"]) < 100
    return word


def test_states(agent, memory):
    assert check_health(agent) == "normal"
    level = iter(range(PLENTY_KB, HARD_KB, -5_000))

    def shrink():
        memory.set(next(level))
        return check_health(agent) == "shed"

    harness.wait_until(shrink, what="shed while memory shrinks", pause=0.1)
    memory.set(HARD_KB)
    harness.wait_until(lambda: check_health(agent) == "hard", what="hard")
    agent.ask("drain", reason="new card")
    harness.wait_until(lambda: check_health(agent) == "hold", what="hold")
    assert get(agent, "/health")[1]["X-Hostingpi-Reason"] == "operator: new card"
    memory.set(PLENTY_KB)
    agent.ask("ready")
    harness.wait_until(lambda: check_health(agent) == "recover", what="recover")


def test_dry_run_changes_nothing(memory, start_agent):
    agent = start_agent({"control": {"cap": CAP}}, options=("--root", memory.root, "--dry-run"))
    memory.set(HARD_KB)
    wait_state(agent, "hard")
    code, fields, body = get(agent, "/health?soft=404")
    assert code == 200 and fields["X-Hostingpi-State"] == "hard"
    assert fields["X-Hostingpi-Dry-Run"] == "1" and "x-envoy-degraded" not in fields
    assert body.startswith("up 100% ") and "dry-run would" in body


def test_who_asks_is_listed(agent):
    get(agent, "/health", "ipv4", headers={"User-Agent": "Envoy/HC"})
    get(agent, "/health", "unix", headers={"User-Agent": "curl/8"})
    get(agent, "/metrics", headers={"User-Agent": "Prometheus/2.42.0"})
    status = agent.status()
    seen = {(row["by"], row["name"], row["address"]) for row in status["balancers"]}
    assert seen == {("http", "Envoy/HC", "127.0.0.1"), ("http", "curl/8", "unix")}
    # They do not share the cap.
    assert status["decision"]["balancers"] == 1


def test_reload_moves_it(agent):
    port = process.free_port()
    agent.configure({"http": {"listen": agent.listen(port)}})
    agent.reload()
    harness.wait_until(lambda: process.can_connect(port), what="the new port")
    old, agent.http_port = agent.http_port, port
    assert get(agent, "/health")[0] == 200
    assert not process.can_connect(old)


def test_strangers_are_turned_away(scratch, memory):
    agent = harness.Agent(scratch, {"http": {"allow": "::1"}}, options=("--root", memory.root))
    agent.start()
    assert get(agent, "/health")[0] == 200
    # With a reset, or an end without an answer.
    assert raw(agent, b"GET /health HTTP/1.0\r\n\r\n", socket.AF_INET) == b""
    assert agent.status()["notifiers"]["http"]["last_refused"] == "127.0.0.1"


PROXY_V2 = bytes.fromhex("0d0a0d0a000d0a515549540a") + b"\x21\x11\x00\x0c"
PROXY_V2 += socket.inet_aton("192.0.2.9") + socket.inet_aton("192.0.2.2") + b"\x12\x34\x00\x50"


@pytest.mark.parametrize("header", [b"PROXY TCP4 192.0.2.9 192.0.2.2 4660 80\r\n", PROXY_V2], ids=["v1", "v2"])
@pytest.mark.parametrize("mode", ["off", "optional", "required"])
def test_proxy_headers(scratch, memory, header, mode):
    config = {"http": {"proxy_protocol": mode, "allow": "::1, 127.0.0.1"}}
    agent = harness.Agent(scratch, config, options=("--root", memory.root)).start()
    request = b"GET /health HTTP/1.0\r\nUser-Agent: x\r\n\r\n"
    plain, headed = raw(agent, request), raw(agent, header + request)
    assert plain.startswith(b"HTTP/1.1 400 " if mode == "required" else b"HTTP/1.1 200 ")
    assert headed.startswith(b"HTTP/1.1 400 " if mode == "off" else b"HTTP/1.1 200 ")
    seen = {row["address"] for row in agent.status()["balancers"]}
    assert ("192.0.2.9" in seen) == (mode != "off")
    assert ("::1" in seen) == (mode != "required")


def test_curl_takes_everything(agent):
    """curl is strict about what it gets, and asks in its own ways."""
    base = f"http://[::1]:{agent.http_port}"

    def curl(*words):
        words = [process.program("curl"), "-sS", "--fail-with-body", "--max-time", "20", *words]
        return subprocess.run(words, capture_output=True, text=True, timeout=60)

    done = curl("-g", "--http1.1", f"{base}/health", f"{base}/metrics", f"{base}/status.json")
    assert done.returncode == 0, done.stderr
    assert curl("-g", "--http1.0", "-I", f"{base}/").returncode == 0
    assert curl("-g", "--http2", f"{base}/health").returncode == 0  # offers h2c
    done = curl("--unix-socket", agent.run_dir / "http.sock", "http://pi/health")
    assert done.stdout.startswith("up 100%"), done.stderr
    done = curl("-g", "--haproxy-protocol", f"{base}/health")
    assert done.returncode != 0 and "400" in done.stderr
    # A large body with Expect: 100-continue: the answer is final, and arrives.
    body = agent.run_dir / "body"
    body.write_bytes(b"x" * 2_000_000)
    done = curl("-g", "-X", "POST", "-H", "Expect: 100-continue", "-T", body, f"{base}/")
    assert "405" in done.stderr, done.stderr


def test_a_flood_shuts_nobody_out(agent):
    """Silent and half-finished connections of one network, many more than there are places."""
    crowd = []
    try:
        for i in range(400):
            sock = socket.create_connection(("::1", agent.http_port), timeout=20)
            if i % 2:
                sock.sendall(b"GET /health HTTP/1.1\r\nHost:")
            crowd.append(sock)
            if i % 50 == 0:
                assert get(agent, "/health", "ipv4")[0] == 200
        assert get(agent, "/metrics", "ipv4")[0] == 200
        assert get(agent, "/health", "ipv6")[0] == 200
        http = agent.status()["notifiers"]["http"]
        assert http["clients"] <= 32 and http["displaced"] >= 300
    finally:
        for sock in crowd:
            sock.close()
    harness.wait_until(
        lambda: agent.status()["notifiers"]["http"]["clients"] == 0, what="the crowd to be gone"
    )


def test_many_at_once(agent):
    """Eight callers that ask over and over, of all documents: whole answers, and no other memory."""
    failures = []
    before = agent.memory_bytes()

    def call(way):
        try:
            with contextlib.closing(http_lab.connect(agent, way)) as connection:
                for i in range(300):
                    path = ["/health", "/metrics", "/status.json", "/?format=text"][i % 4]
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status != 200 or len(body) != int(answer.headers["Content-Length"]):
                        failures.append((path, answer.status))
        except OSError as error:
            failures.append((way, error))

    threads = [threading.Thread(target=call, args=(http_lab.WAYS[i % 3],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    grown = agent.memory_bytes() - before
    print(f"2,400 answers to eight callers: {grown // 1024} kB more resident")
    assert grown < 512 * 1024


def test_two_agents_say_why_the_second_cannot(agent, scratch, memory):
    second = harness.Agent(scratch, name="second", options=("--root", memory.root))
    second.configure({"http": {"listen": f"[::1]:{agent.http_port}"}})
    done = subprocess.run(
        [str(word) for word in second.argv()], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert re.search(r"http: cannot listen on \[::1\]:\d+: .*\(listen in \[http\]\)", done.stderr)
