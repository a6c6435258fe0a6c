# SPDX-License-Identifier: MIT
"""Real HAProxy that checks the agent over HTTP: three states by the code, with and without PROXY headers.

Theory of operation: the server is a page of nginx, the check goes to the agent's own port. What HAProxy makes of
it is read from its runtime socket. The backend is the one that hostingpid(8) shows.
"""

import socket

import harness
import process
import pytest
from test_haproxy import CAP, PLENTY_KB, Memory
from test_manual import HAPROXY_BEFORE, man_block

HARD_KB = 40_000
KINDS = {
    "plain": ("off", ""),
    "v1": ("required", "check-send-proxy send-proxy"),
    "v2": ("required", "check-send-proxy send-proxy-v2"),
}

pytestmark = pytest.mark.skipif(
    harness.program("haproxy") is None, reason="haproxy is not installed (apt: haproxy)"
)


class Checker(harness.Haproxy):
    """The block of the manual in front of one agent; visitors reach the server as ever."""

    def __init__(self, scratch, agent, page_port, family, words):
        super().__init__(scratch, [])
        host = process.url_host(family)
        block = man_block("hostingpid.8", "backend pis-by-http")
        replacements = {
            "port 9778 inter 1s": f"port {agent.http_port} inter 100ms {words}",
            "[2001:db8::1]:80": f"{host}:{page_port}",
            "  server pi2 [2001:db8::2]:80\n": "",
        }
        for word, value in replacements.items():
            assert word in block, word
            block = block.replace(word, value)
        before = HAPROXY_BEFORE.replace("127.0.0.1:1", f"127.0.0.1:{self.port}")
        before = before.replace("default_backend pis", "default_backend pis-by-http")
        extra = f"  bind [::1]:{self.port}\n" if len(process.families()) > 1 else ""
        scratch.file(
            "haproxy.conf",
            f"global\n stats socket {self.socket} mode 600 level admin\n{before}{extra}{block}",
        )

    def status(self, server="pi1", backend="pis-by-http"):
        return super().status(server, backend)

    def wait(self, word):
        harness.wait_until(
            lambda: self.status().startswith(word),
            what=f"{word}, it is {self.status()}: {self.stat()['pis-by-http', 'pi1']['last_chk']}",
        )


@pytest.mark.parametrize("family", process.LOOPBACK, ids=["ipv6", "ipv4"])
@pytest.mark.parametrize("kind", KINDS)
def test_three_states(scratch, nginx, kind, family):
    mode, words = KINDS[kind]
    memory = Memory(scratch)
    config = {"control": {"cap": CAP}, "http": {"proxy_protocol": mode}}
    agent = harness.Agent(scratch, config, options=("--root", memory.root)).start()
    haproxy = Checker(scratch, agent, nginx.page_ports[0], family, words).start()
    haproxy.wait("UP")
    # An operator's hold: no new sessions, but the server is not down.
    agent.ask("drain")
    haproxy.wait("NOLB")
    agent.ask("ready")
    haproxy.wait("UP")
    memory.set(HARD_KB)
    haproxy.wait("DOWN")
    memory.set(PLENTY_KB)
    haproxy.wait("UP")
    # HAProxy tells no name; behind a header it speaks for itself (v1: an address, v2: LOCAL).
    addresses = {row["address"] for row in agent.status()["balancers"]}
    assert addresses == {process.LOOPBACK[family]}
    status = agent.status()["notifiers"]["http"]
    assert status["bad_proxy_headers"] == 0 and set(status["answers"]) <= {"200", "404", "503"}
    # Many checks, and none leaves anything behind.
    assert status["clients"] <= 1


def test_a_check_without_its_header_is_told(scratch, nginx):
    agent = harness.Agent(scratch, {"http": {"proxy_protocol": "required"}}).start()
    haproxy = Checker(scratch, agent, nginx.page_ports[0], socket.AF_INET6, "").start()
    haproxy.wait("DOWN")
    assert agent.status()["notifiers"]["http"]["bad_proxy_headers"] > 0
