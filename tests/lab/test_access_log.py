# SPDX-License-Identifier: MIT
"""Requests counted by the lines of real access logs, while these are rotated and emptied."""

import concurrent.futures
import http.client
import json
import os
import subprocess
import time

import harness
import pytest
from harness import wait_until
from log_servers import LoggedApache, LoggedLighttpd, LoggedNginx
from web_servers import Apache, Namespace

SERVERS = {"nginx": LoggedNginx, "apache": LoggedApache, "lighttpd": LoggedLighttpd}


def web(agent):
    """Group web of hostingpictl status --json, and the reasons of what is unknown."""
    argv = [harness.BUILD / "hostingpictl", "--socket", agent.run_dir / "control.sock"]
    argv = [str(word) for word in [*argv, "--json", "status"]]
    result = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    state = json.loads(result.stdout)["state"]
    return state.get("web", {}), state["unknown"]


def get(server, family, path="/index.html"):
    """One request on a connection of its own; the status."""
    host = harness.LOOPBACK[family]
    connection = http.client.HTTPConnection(host, server.port, timeout=20)
    connection.request("GET", path, headers={"Connection": "close", "User-Agent": 'a "quoted" 500'})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.fixture(params=SERVERS)
def server(request, scratch):
    return SERVERS[request.param](scratch).start()


@pytest.fixture
def agent(scratch, server):
    settings = {"source": "log", "log": server.log_path, "interval": "200ms"}
    agent = harness.Agent(scratch, {"requests": settings}).start()
    wait_until(lambda: web(agent)[0].get("source"), what="the log")
    return agent


def settled(agent, total):
    """The group after the total was reached, and two polls later."""
    wait_until(lambda: web(agent)[0].get("requests_total", -1) >= total, what=f"{total} requests")
    seq = agent.status()["seq"]
    wait_until(lambda: agent.status()["seq"] >= seq + 2)
    return web(agent)[0]


def test_every_request_counts_through_rotations(server, agent):
    """Both families at once; the log is rotated twice meanwhile."""
    def send(family):
        for number in range(300):
            assert get(server, family) == 200
            if family == harness.families()[0] and number in (100, 200):
                server.rotate()
                wait_until(server.reopened, what="the new log in use")
        return 300

    with concurrent.futures.ThreadPoolExecutor() as pool:
        sent = sum(pool.map(send, harness.families()))
    values = settled(agent, sent)
    assert values["requests_total"] == sent
    assert values["errors_5xx_total"] == 0
    assert values["source"].startswith("log /")
    assert server.lines() == sent


@pytest.mark.parametrize("server", ["nginx", "apache"], indirect=True)
def test_rates_and_errors(server, agent):
    for _ in range(20):
        assert get(server, harness.families()[0], "/broken") == 503
        assert get(server, harness.families()[0], "/nothing\"%20500%20") == 404
    values = settled(agent, 40)
    assert (values["requests_total"], values["errors_5xx_total"]) == (40, 20)
    unknown = web(agent)[1]
    assert "access log" in unknown["web.busy_workers"]
    # One more, and its rate is there before the next poll finds none.
    stop = time.monotonic() + harness.DEADLINE_S
    while web(agent)[0].get("errors_5xx_s", 0) == 0:
        get(server, harness.families()[0], "/broken")
        assert time.monotonic() < stop


def test_copytruncate(server, agent):
    for _ in range(20):
        get(server, harness.families()[0])
    assert settled(agent, 20)["requests_total"] == 20
    os.truncate(server.log_path, 0)
    wait_until(lambda: "copytruncate" in agent.tail(), what="the notice")
    for _ in range(10):
        get(server, harness.families()[0])
    assert settled(agent, 30)["requests_total"] == 30


def test_the_server_is_not_told(server, agent):
    """Renamed and nothing else: it goes on with the old file, and so do we."""
    server.log_path.rename(f"{server.log_path}.old")
    for _ in range(10):
        get(server, harness.families()[0])
    assert settled(agent, 10)["requests_total"] == 10


@pytest.mark.skipif(os.getuid() != 0, reason="the usual ports need a network namespace: root")
def test_the_log_steps_in_for_a_page(scratch):
    """source = auto: without a status page the log counts, until there is one."""
    namespace = Namespace(scratch).start()
    log = scratch.file("access.log", "")
    config = {"requests": {"log": log, "interval": "200ms"}}
    agent = harness.Agent(scratch, config, wrapper=namespace.wrapper).start()
    wait_until(lambda: web(agent)[0].get("source") == f"log {log}", what="the log")
    with open(log, "a", encoding="utf-8") as file:
        file.write('::1 - - [d] "GET / HTTP/1.1" 500 1\n' * 5)
    wait_until(lambda: web(agent)[0].get("requests_total") == 5)
    Apache(scratch, listen=["127.0.0.1:80"], wrapper=namespace.wrapper).start()
    wait_until(lambda: web(agent)[0].get("source", "").startswith("apache 127.0.0.1:80"), 90)
    wait_until(lambda: "busy_workers" in web(agent)[0])


def test_nobody_may_read_it(scratch):
    if os.getuid() != 0:
        pytest.skip("another user is needed: root")
    log = scratch.file("access.log", "")
    log.chmod(0o600)
    scratch.path.chmod(0o777)
    wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    settings = {"source": "log", "log": log}
    agent = harness.Agent(scratch, {"requests": settings}, wrapper=wrapper)
    agent.run_dir.chmod(0o777)
    agent.start()
    wait_until(lambda: "into its group" in web(agent)[1].get("web.requests_total", ""))
