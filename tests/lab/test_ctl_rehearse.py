# SPDX-License-Identifier: MIT
"""hostingpictl drain --rehearse between real HAProxys, a real nginx and the real agent, over IPv6.

Theory of operation: the tests have a network of their own (so they need root), in which each balancer
calls from an address of its own. lb1 has agent-check, lb2 has not: it cannot obey. Both have a second
server, which takes the traffic over. What the report says is compared with what HAProxy says itself.
"""

import contextlib
import ctypes
import http.client
import json
import os
import signal
import subprocess
import threading
import time

import pytest
from process import program, wait_until
from test_ctl import CTL, ctl

CLONE_NEWNET = 0x40000000
LB1, LB2 = "fd00:1::1", "fd00:1::2"
INTER = "200ms"


def why_not():
    if os.geteuid() != 0:
        return "only root can make a network of its own"
    missing = [name for name in ("haproxy", "nginx", "ip", "unshare") if not program(name)]
    if missing:
        return f"{', '.join(missing)} not installed"
    probe = [program("unshare"), "--net", "--", program("ip"), "link", "set", "lo", "up"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        return "no network namespace may be made here"
    return ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module", autouse=True)
def network():
    """Of this thread and what it starts; the old one again afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as before:
        assert libc.unshare(CLONE_NEWNET) == 0
        try:
            for words in (
                ["link", "set", "lo", "up"],
                *(["addr", "add", f"{address}/128", "dev", "lo"] for address in (LB1, LB2)),
            ):
                subprocess.run([program("ip"), *words], check=True)
            yield
        finally:
            assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


class Traffic:
    """People: connections to balancers that are used again and again, and made anew when they break."""

    def __init__(self, ports):
        self.ending = False
        self.answers = 0
        self.threads = [
            threading.Thread(target=self._visit, args=(port,), daemon=True)
            for port in ports
            for _ in range(4)
        ]
        for thread in self.threads:
            thread.start()

    def _visit(self, port):
        while not self.ending:
            with contextlib.suppress(OSError, http.client.HTTPException):
                person = http.client.HTTPConnection("::1", port, timeout=10)
                while not self.ending:
                    person.request("GET", "/")
                    person.getresponse().read()
                    self.answers += 1
                    time.sleep(0.02)

    def close(self):
        self.ending = True
        for thread in self.threads:
            thread.join(20)


@pytest.fixture
def site(start_nginx, start_agent, start_haproxy):
    """A Pi with its agent, another server, and a function that starts a balancer in front of both."""
    nginx = start_nginx(pages=("the Pi\n",))
    other = start_nginx(pages=("the other\n",), name="other")
    agent = start_agent(
        {"requests": {"source": "nginx", "url": nginx.status_url()}, "control": {"cap": 20}}
    )
    traffic = []

    class Site:
        port = nginx.page_ports[0]
        control = agent.run_dir / "control.sock"

        @staticmethod
        def balancer(name, source, **keys):
            extra = f"source [{source}] pool-purge-delay 200ms"
            pi = {"name": "pi", "port": nginx.page_ports[0], "maxconn": 50, "extra": extra, **keys}
            rest = {"name": "other", "port": other.page_ports[0], "extra": extra}
            return start_haproxy([pi, rest], name=name, agent_inter=INTER)

        @staticmethod
        def visit(*balancers):
            traffic.append(Traffic([balancer.port for balancer in balancers]))

        @staticmethod
        def start(*words, **keys):
            return subprocess.Popen(
                [CTL, "--socket", agent.run_dir / "control.sock", "drain", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                **keys,
            )

    Site.agent = agent
    yield Site
    for one in traffic:
        one.close()


def obeying(site, name="lb1", source=LB1):
    keys = {"agent_port": site.agent.agent_port, "agent_send": f"{name}/pis"}
    balancer = site.balancer(name, source, **keys)
    wait_until(lambda: site.agent.status()["balancers"], what="a question")
    return balancer


def test_one_obeys_and_one_does_not(site):
    lb1 = obeying(site)
    lb2 = site.balancer("lb2", LB2)
    site.visit(lb1, lb2)
    words = ("--rehearse", "8s", "--port", str(site.port), "--json")
    rehearsal = site.start(*words)
    wait_until(lambda: lb1.status("pi").startswith("DRAIN"), what="lb1 to drain the Pi")
    assert site.agent.status()["decision"]["hold_until"] > 0  # also if nobody says ready
    out, err = rehearsal.communicate(timeout=120)
    assert (rehearsal.returncode, err) == (1, "")
    report = json.loads(out)
    assert not report["passed"] and report["connections_seen"]
    hosts = {host["address"]: host for host in report["hosts"]}
    one, two = hosts[LB1], hosts[LB2]
    assert (one["verdict"], one["name"]) == ("obeyed", "lb1/pis"), one
    # HAProxy may keep an idle one.
    assert one["connections_before"] >= 0.5 and one["connections_least"] <= 1
    assert one["connections_end"] < one["connections_before"]
    assert 0 <= one["heard_drain_s"] < 8 and one["heard_ready_s"] >= 0
    assert two["verdict"] == "unasked" and "by" not in two
    assert two["connections_end"] >= 0.5
    assert report["requests_s_before"] > 1 and report["back_s"] > 0
    wait_until(lambda: lb1.status("pi").startswith("UP"), what="lb1 to take the Pi again")
    assert site.agent.status()["decision"]["weight"] == 100


def test_all_obey(site):
    site.visit(obeying(site))
    done = ctl("drain", "--rehearse", "8s", "--port", site.port, path=site.control, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "+ lb1/pis from fd00:1::1: asks every 0.2 s, heard drain after " in done.stdout
    assert "requests/s from " in done.stdout and "the weight was back " in done.stdout
    assert done.stdout.endswith("all load balancers obeyed\n")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP])
def test_interrupted(site, how):
    lb1 = obeying(site)
    rehearsal = site.start("--rehearse", "10m", "--reason", "new card")
    wait_until(lambda: lb1.status("pi").startswith("DRAIN"), what="lb1 to drain the Pi")
    assert "new card" in site.agent.status()["decision"]["reason"]
    rehearsal.send_signal(how)
    out, err = rehearsal.communicate(timeout=60)
    assert (rehearsal.returncode, err) == (1, "")
    assert "interrupted: nothing can be said" in out
    wait_until(lambda: site.agent.status()["decision"]["state"] != "hold", what="the end of the drain")
    wait_until(lambda: lb1.status("pi").startswith("UP"), what="lb1 to take the Pi again")


def test_killed(site):
    lb1 = obeying(site)
    rehearsal = site.start("--rehearse", "5s")
    wait_until(lambda: lb1.status("pi").startswith("DRAIN"), what="lb1 to drain the Pi")
    rehearsal.kill()
    rehearsal.communicate()
    # The drain ends by itself, a little later.
    wait_until(lambda: lb1.status("pi").startswith("UP"), 60, what="lb1 to take the Pi again")


def test_nobody_reads(site):
    """The pipe breaks; the Pi comes back all the same. (And there is nobody who could obey.)"""
    rehearsal = site.start("--rehearse", "5s")
    rehearsal.stdout.close()
    assert rehearsal.wait(120) == 1
    rehearsal.stderr.close()
    assert site.agent.status()["decision"]["state"] != "hold"


def test_somebody_else_ends_it(site):
    lb1 = obeying(site)
    rehearsal = site.start("--rehearse", "10m")
    wait_until(lambda: lb1.status("pi").startswith("DRAIN"), what="lb1 to drain the Pi")
    assert ctl("ready", path=site.control).returncode == 0
    out, _ = rehearsal.communicate(timeout=60)
    assert rehearsal.returncode == 1 and "somebody else ended the drain" in out


def test_refused(start_agent):
    agent = start_agent(options=("--dry-run",))
    control = agent.run_dir / "control.sock"
    done = ctl("drain", "--rehearse", "5s", path=control)
    assert done.returncode == 1 and "there is nothing to rehearse" in done.stderr
    for ports in ("0", "80,", "65536", "http", "80 443", "1,2,3,4,5,6,7,8,9"):
        done = ctl("drain", "--rehearse", "5s", "--port", ports, path=control)
        assert done.returncode == 2 and "one to eight ports" in done.stderr
    assert agent.term() == 0
    agent = start_agent(name="held")
    control = agent.run_dir / "control.sock"
    assert ctl("drain", path=control).returncode == 0
    wait_until(lambda: agent.status()["decision"]["state"] == "hold", what="the hold")
    done = ctl("drain", "--rehearse", "5s", path=control)
    assert done.returncode == 1 and "drained this Pi already" in done.stderr
    assert agent.status()["decision"]["state"] == "hold"
    agent.kill()
    done = ctl("drain", "--rehearse", "5s", path=control)
    assert done.returncode == 3 and "systemctl start hostingpid" in done.stderr
