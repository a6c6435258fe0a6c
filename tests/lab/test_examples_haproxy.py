# SPDX-License-Identifier: MIT
"""The examples for HAProxy, as they are, in a real one in front of real agents."""

import subprocess

import pytest

from example_lab import EXAMPLES, Lab
from harness import Haproxy
from process import program, wait_until

pytestmark = pytest.mark.skipif(not program("haproxy"), reason="haproxy is not installed")
FILES = sorted((EXAMPLES / "haproxy").glob("*.cfg"))
ENTRIES = ("[2001:db8::80]", "192.0.2.80")


class Balancer(Haproxy):
    """The runtime socket of an HAProxy that runs an example."""

    def __init__(self, lab, name):
        # What the harness writes is not what runs here.
        super().__init__(lab.scratch, [], name="balancer")
        admin = "/run/haproxy/admin.sock"
        self.config = lab.example(f"haproxy/{name}", words={admin: self.socket})
        self.net = lab.net
        self.start()

    def argv(self):
        return [*self.net.wrapper, program("haproxy"), "-db", "-f", self.config]

    def ready(self):
        return self.socket.exists() and self.net.answers("2001:db8::80", 80)

    def weight(self, server, backend="pis"):
        return super().weight(server, backend)

    def status(self, server, backend="pis"):
        return super().status(server, backend)

    def cap(self, server):
        return self.maxconn(server, "pis")


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_haproxy_takes_it(path):
    done = subprocess.run([program("haproxy"), "-c", "-f", path], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "[WARNING]" not in done.stderr


def test_agent_check_weights_and_caps_follow(scratch):
    lab = Lab(scratch)
    balancer = Balancer(lab, "agent-check.cfg")
    one, two = lab.pis
    for server in ("pi1", "pi2"):
        wait_until(lambda: (balancer.weight(server), balancer.cap(server)) == (100, 20),
                   what=f"{server} at 100 % with the agent's cap")
    told = one.press()
    wait_until(lambda: balancer.weight("pi1") == one.decision()["weight"] < 100, what="less for pi1")
    assert balancer.cap("pi1") == one.decision()["maxconn"] <= told["nominal"]
    assert balancer.weight("pi2") == 100
    for entry in ENTRIES:
        pages = lab.fetch(entry, 60)
        assert 0 < pages.count("pi1") < pages.count("pi2") and set(pages) == {"pi1", "pi2"}
    names = one.agent.status()["notifiers"]["haproxy"]["balancers"]
    assert [row["name"] for row in names] == ["lb1/pis"]
    one.relax()
    wait_until(lambda: balancer.weight("pi1") == 100, timeout=60, what="pi1 back")
    two.drain()
    wait_until(lambda: balancer.status("pi2") == "DRAIN (agent)", what="pi2 drained")
    assert set(lab.fetch(ENTRIES[0], 10)) == {"pi1"}


def test_httpchk_soft_and_hard(scratch):
    lab = Lab(scratch)
    balancer = Balancer(lab, "httpchk.cfg")
    one, two = lab.pis
    for server in ("pi1", "pi2"):
        wait_until(lambda: balancer.status(server) == "UP", what=f"{server} up")
    assert set(lab.fetch(ENTRIES[0], 10)) == set(lab.fetch(ENTRIES[1], 10)) == {"pi1", "pi2"}
    one.press()
    wait_until(lambda: balancer.status("pi1").startswith("NOLB"), what="no new sessions for pi1")
    # New visitors go elsewhere, those with a session stay.
    assert set(lab.fetch(ENTRIES[0], 10)) == {"pi2"}
    assert set(lab.fetch(ENTRIES[0], 5, "/", "Cookie=pi=pi1")) == {"pi1"}
    one.exhaust()
    wait_until(lambda: balancer.status("pi1").startswith("DOWN"), what="pi1 down")
    assert set(lab.fetch(ENTRIES[0], 5, "/", "Cookie=pi=pi1")) == {"pi2"}
    two.drain()
    wait_until(lambda: balancer.status("pi2").startswith("NOLB"), what="no new sessions for pi2")
    two.undrain()
    wait_until(lambda: balancer.status("pi2") == "UP", what="pi2 up again")
    one.relax()
    wait_until(lambda: balancer.status("pi1") == "UP", timeout=60, what="pi1 up again")


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_proxy_protocol_in_checks(scratch, mode):
    """Version 1 to pi1, version 2 to pi2, over IPv6: the agents see the header, the pages as well."""
    lab = Lab(scratch, http={"proxy_protocol": mode})
    balancer = Balancer(lab, "httpchk-proxy.cfg")
    for server in ("pi1", "pi2"):
        wait_until(lambda: balancer.status(server) == "UP", what=f"{server} up")
    pages = {line for line in lab.run(
        "python3", "-c", "import urllib.request as u\nfor _ in range(6):"
        " print(u.urlopen('http://[2001:db8::80]/').read().decode().strip())").stdout.splitlines()}
    assert pages == {"pi1 v1 TCP6", "pi2 v2"}
    lab.pis[0].press()
    wait_until(lambda: balancer.status("pi1").startswith("NOLB"), what="no new sessions for pi1")
    assert balancer.status("pi2") == "UP"
