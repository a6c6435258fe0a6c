# SPDX-License-Identifier: MIT
"""Our agents behind several HAProxys, with Pis whose memory answers to the requests they serve.

Theory of operation: each Pi is an agent with a made-up /proc and a web server whose requests at work
take memory there; a test adds what is not the web's. Everything else is real. What must hold
whatever the law is in detail: HAProxy's weight and cap are the agent's decision, the caps of all
balancers together promise no more than there is, and an agent that does not answer changes nothing.
"""

import os
import threading

import agent_rows
import harness
import pytest

pytestmark = pytest.mark.skipif(
    harness.program("haproxy") is None, reason="haproxy is not installed (apt: haproxy)"
)

CAP = 24
STATIC = CAP // 3  # what an operator with three balancers writes into the configuration
WORKER_KB = 32 << 10
TOTAL_KB = 2_000_000
RESERVE_KB = TOTAL_KB // 10 * 3
PLENTY_KB = 1_700_000  # room for CAP workers and more
LITTLE_KB = 750_000  # room for a few above the reserve
NEXT_TO_NOTHING_KB = RESERVE_KB + 10_000
INTER = "200ms"


class Pi:
    """An agent, a web server, and the memory of both."""

    def __init__(self, scratch, name):
        self.root = scratch.path / name
        (self.root / "proc").mkdir(parents=True)
        (self.root / "sys").mkdir()
        scratch.file(f"{name}/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
        self.lock = threading.Lock()
        self.busy = 0
        self.least_kb = self.rest_kb = PLENTY_KB
        self.pages = agent_rows.Pages(watch=self.serve)
        self.leave(PLENTY_KB)
        config = {"control": {"cap": CAP, "worker_size": f"{WORKER_KB}K"}}
        config["requests"] = {"source": "none"}
        options = ("--root", self.root)
        self.agent = harness.Agent(scratch, config, name=f"agent-{name}", options=options)
        self.agent.start()
        self.relay = agent_rows.Relay(self.agent.agent_port)

    def leave(self, rest_kb):
        """So much is free when the web does nothing."""
        with self.lock:
            self.rest_kb = rest_kb
            self._write()

    def serve(self, busy):
        with self.lock:
            self.busy = busy
            self._write()

    def _write(self):
        """One write of one length: never half done."""
        free_kb = self.rest_kb - self.busy * WORKER_KB
        self.least_kb = min(self.least_kb, free_kb)
        rows = {"MemTotal": TOTAL_KB, "MemFree": free_kb, "MemAvailable": free_kb}
        rows |= {"Active(file)": 0, "Inactive(file)": 0, "Dirty": 0, "Writeback": 0}
        rows |= {"SReclaimable": 0, "SwapTotal": 0, "SwapFree": 0}
        rows = {key: max(value, 0) for key, value in rows.items()}
        text = "".join(f"{key + ':':<16}{value:>10} kB\n" for key, value in rows.items())
        fd = os.open(self.root / "proc/meminfo", os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, text.encode(), 0)
        os.close(fd)

    def decision(self):
        return self.agent.status()["decision"]

    def close(self):
        self.relay.close()
        self.pages.close()


class Lb(agent_rows.Reloadable, harness.Haproxy):
    pass


class Fleet:
    """Two Pis and three balancers, of which one calls over IPv4 and one through relays."""

    def __init__(self, scratch):
        self.pis = {name: Pi(scratch, name) for name in ("pi1", "pi2")}
        self.lbs = []
        for number in (1, 2, 3):
            servers = [self._server(name, pi, number) for name, pi in self.pis.items()]
            extra = " timeout queue 60s\n timeout check 5s" if number != 3 else ""
            name = f"lb{number}"
            lb = Lb(scratch, servers, name=name, agent_inter=INTER, extra=extra)
            self.lbs.append(lb.start())

    @staticmethod
    def _server(name, pi, number):
        port = pi.relay.port if number == 3 else pi.agent.agent_port
        server = {"name": name, "port": pi.pages.port, "maxconn": STATIC, "agent_port": port}
        server["agent_family"] = harness.families()[-1 if number == 2 else 0]
        return {**server, "agent_send": f"lb{number}/pool"}

    def caps(self, name):
        return [lb.maxconn(name) for lb in self.lbs]

    def shown(self, name, lb):
        return lb.weight(name), lb.maxconn(name)

    def wait_told(self, name, until=lambda decision: True, lbs=None):
        """Until the balancers show the agent's decision, and it is as wanted; that decision."""

        def same():
            decision = self.pis[name].decision()
            told = decision["weight"], decision["maxconn"]
            shown = {self.shown(name, lb) for lb in lbs or self.lbs}
            return shown == {told} and until(decision) and decision

        return harness.wait_until(same, what=f"all to follow {name}")

    def wait_counted(self):
        """Until each Pi knows that there are three to share its cap."""
        for name in self.pis:
            self.wait_told(name, lambda decision: decision["maxconn"] == CAP // len(self.lbs))


@pytest.fixture
def fleet(scratch):
    made = Fleet(scratch)
    made.wait_counted()
    yield made
    for pi in made.pis.values():
        pi.close()


def below(decision):
    return decision["weight"] < 100


def agent_status(lb, name):
    return lb.stat()["pool", name]["agent_status"].removeprefix("* ")


def test_caps_promise_no_more_than_there_is(fleet):
    """While memory falls, step by step; the other Pi stays as it was."""
    pi = fleet.pis["pi1"]
    for free_kb in (1_200_000, 900_000, LITTLE_KB, NEXT_TO_NOTHING_KB):
        pi.leave(free_kb)
        room = max((free_kb - RESERVE_KB) // WORKER_KB, len(fleet.lbs))  # at least 1 for each

        def at_rest():
            caps = fleet.caps("pi1")
            assert sum(caps) <= CAP and min(caps) >= 1
            return sum(caps) <= room

        harness.wait_until(at_rest, what=f"{room} requests at most")
        fleet.wait_told("pi1")
        assert sum(fleet.caps("pi1")) <= room
    assert fleet.wait_told("pi1", below)["weight"] >= 1
    assert fleet.wait_told("pi2")["weight"] == 100
    assert fleet.caps("pi2") == [CAP // 3] * 3


def test_requests_take_no_more_memory_than_there_is(fleet):
    """Twenty requests through each of three balancers, with plenty and with little memory left."""
    pis = fleet.pis.values()
    most = {}
    for key, rest_kb in (("plenty", PLENTY_KB), ("little", LITTLE_KB)):
        for pi in pis:
            pi.leave(rest_kb)
            pi.pages.most = 0
        for name in fleet.pis:
            fleet.wait_told(name, lambda decision: key == "plenty" or sum(fleet.caps(name)) < 9)
        held = agent_rows.Held(fleet.pis["pi1"].pages, key)
        with held:
            answers = [one for lb in fleet.lbs for one in held.start(lb.port, 20)]
            queued = lambda lb: int(lb.stat()["pool", "BACKEND"]["qcur"])
            servers = lambda: sum(pi.busy for pi in pis) + sum(queued(lb) for lb in fleet.lbs)
            harness.wait_until(lambda: servers() == len(answers), what="all to work or to wait")
            most[key] = [pi.pages.most for pi in pis]
            for pi in pis:
                pi.pages.release(key)
            assert {one.result()[0] for one in answers} == {200}
    # Thirty on each would have taken 0.96 GB: more than there was the second time.
    assert 30 * WORKER_KB > LITTLE_KB
    assert max(most["plenty"]) <= CAP and max(most["little"]) < min(most["plenty"])
    assert min(pi.least_kb for pi in pis) > RESERVE_KB // 2


def test_a_killed_agent_leaves_weight_and_cap(fleet):
    pi = fleet.pis["pi1"]
    pi.leave(NEXT_TO_NOTHING_KB)
    fleet.wait_told("pi1", below)
    before = [fleet.shown("pi1", lb) for lb in fleet.lbs]
    pi.agent.kill()
    pi.leave(PLENTY_KB)
    for lb in fleet.lbs[:2]:
        gone = lambda lb=lb: agent_status(lb, "pi1") == "L4CON"
        harness.wait_until(gone, what="HAProxy to miss the agent")
    assert [fleet.shown("pi1", lb) for lb in fleet.lbs] == before
    assert {lb.status("pi1") for lb in fleet.lbs} == {"UP"}
    pi.agent.start()
    fleet.wait_told("pi1", lambda decision: decision["weight"] > before[0][0])
    assert {agent_status(lb, "pi1") for lb in fleet.lbs} == {"L7OK"}


def test_a_stopped_agent_leaves_weight_and_cap(fleet):
    pi = fleet.pis["pi1"]
    before = [fleet.shown("pi1", lb) for lb in fleet.lbs]
    pi.agent.stop()
    pi.leave(NEXT_TO_NOTHING_KB)
    lb = fleet.lbs[2]  # the one without patience
    harness.wait_until(lambda: "TOUT" in agent_status(lb, "pi1"), what="HAProxy to lose patience")
    assert [fleet.shown("pi1", lb) for lb in fleet.lbs] == before
    assert lb.status("pi1") == "UP"
    pi.agent.cont()
    fleet.wait_told("pi1", below)


def test_late_answers_are_not_heard(fleet):
    pi, lb = fleet.pis["pi1"], fleet.lbs[2]
    before = fleet.shown("pi1", lb)
    pi.relay.gate.clear()
    harness.wait_until(lambda: agent_status(lb, "pi1") == "L7TOUT", what="a late answer")
    pi.leave(NEXT_TO_NOTHING_KB)
    fleet.wait_told("pi1", below, fleet.lbs[:2])
    assert fleet.shown("pi1", lb) == before
    # It still counts as one that shares the cap.
    assert pi.decision()["maxconn"] <= CAP // 3
    pi.relay.gate.set()
    fleet.wait_told("pi1", below)


def test_a_reload_is_over_with_the_first_answer(fleet):
    pi, lb = fleet.pis["pi1"], fleet.lbs[2]
    pi.leave(NEXT_TO_NOTHING_KB)
    fleet.wait_told("pi1", below)
    pi.relay.gate.clear()
    lb.reload()
    # The agent is not heard yet: the configuration's weight, and its cap, which protects the Pi.
    assert fleet.shown("pi1", lb) == (100, STATIC)
    pi.relay.gate.set()
    fleet.wait_told("pi1", below)
    # The new worker is the same balancer.
    assert pi.agent.status()["state"]["lb"]["balancers"] == 3
