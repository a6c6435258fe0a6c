# SPDX-License-Identifier: MIT
"""Real HAProxy against the real agent: weight, cap, drain and ready, stop, strangers.

Theory of operation: the agent reads a made-up /proc (--root), in which a test sets the free memory,
so that decisions come from readings as always; everything else is real. What HAProxy does is read
from its own runtime socket. [control] cap makes 100 % mean 20 requests.
"""

import contextlib
import os
import shutil
import socket
import threading

import harness
import pytest

CAP = 20
PLENTY_KB = 1_500_000  # room for more than CAP workers of 32 MiB above the reserve of 20 %
LITTLE_KB = 700_000  # room for about nine
TOTAL_KB = 2_000_000
# Three of these fit between two looks of a test at the same thing; HAProxy's own minimum is lower.
INTER = "200ms"

pytestmark = pytest.mark.skipif(
    harness.program("haproxy") is None, reason="haproxy is not installed (apt: haproxy)"
)
FAMILIES = {socket.AF_INET6: "ipv6", socket.AF_INET: "ipv4"}
both_families = pytest.mark.parametrize("family", FAMILIES, ids=FAMILIES.values())


class Memory:
    """A /proc with as much free memory as a test wants. One write of one length: never half done."""

    def __init__(self, scratch):
        self.root = scratch.path / "root"
        (self.root / "proc").mkdir(parents=True)
        (self.root / "sys").mkdir()
        header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        (self.root / "proc/swaps").write_text(header, encoding="ascii")
        self.set(PLENTY_KB)

    def set(self, free_kb):
        rows = {"MemTotal": TOTAL_KB, "MemFree": free_kb, "MemAvailable": free_kb}
        rows |= {"Active(file)": 0, "Inactive(file)": 0, "Dirty": 0, "Writeback": 0}
        rows |= {"SReclaimable": 0, "SwapTotal": 0, "SwapFree": 0}
        text = "".join(f"{key + ':':<16}{value:>10} kB\n" for key, value in rows.items())
        fd = os.open(self.root / "proc/meminfo", os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, text.encode(), 0)
        os.close(fd)


@pytest.fixture
def memory(scratch):
    return Memory(scratch)


@pytest.fixture
def agent(memory, start_agent):
    return start_agent({"control": {"cap": CAP}}, options=("--root", memory.root))


@pytest.fixture
def balance(nginx, start_haproxy):
    """Gives a function: starts one more HAProxy in front of an agent, which it calls "pi"."""

    def start(agent, name="lb1/pis", family=None, **keys):
        pi = {"name": "pi", "port": nginx.page_ports[0], "maxconn": 99, **keys}
        pi |= {"agent_port": agent.agent_port, "agent_send": name}
        if family is not None:
            pi["agent_family"] = family
        other = {"name": "other", "port": nginx.page_ports[0]}
        return start_haproxy([pi, other], name=name.replace("/", "-"), agent_inter=INTER)

    return start


def sink(agent):
    return agent.status()["notifiers"]["haproxy"]


def wait_told(agent, haproxy, what="HAProxy to follow the decision"):
    """Until HAProxy's weight and cap are the agent's; the decision then."""

    def same():
        decision = agent.status()["decision"]
        told = haproxy.weight("pi"), haproxy.maxconn("pi")
        return told == (decision["weight"], decision["maxconn"]) and decision

    return harness.wait_until(same, what=what)


def wait_answers(agent, count):
    """Until so many more calls were answered; with one balancer these are its calls."""
    target = sink(agent)["answers"] + count
    harness.wait_until(lambda: sink(agent)["answers"] >= target, what=f"{count} more answers")


def wait_status(haproxy, word):
    harness.wait_until(
        lambda: haproxy.status("pi").startswith(word),
        what=f"the server to be {word}, it is {haproxy.status('pi')}",
    )


@both_families
def test_weight_and_cap_arrive(agent, memory, balance, family):
    haproxy = balance(agent, family=family)
    harness.wait_until(lambda: haproxy.maxconn("pi") == CAP, what="the cap of plenty")
    assert haproxy.weight("pi") == 100
    memory.set(LITTLE_KB)
    harness.wait_until(lambda: haproxy.weight("pi") < 100, what="less weight")
    assert haproxy.maxconn("pi") < CAP
    assert haproxy.weight("other") == 100
    # Level for level once it is quiet again, in both places where HAProxy shows it.
    decision = wait_told(agent, haproxy)
    assert haproxy.status("pi").startswith("UP")
    row = haproxy.stat()["pool", "pi"]
    assert row["agent_status"] == "L7OK"
    assert row["agent_desc"] == "Layer7 check passed"
    assert 1 <= decision["weight"] < 100
    host = {socket.AF_INET6: "::1", socket.AF_INET: "127.0.0.1"}[family]
    (seen,) = sink(agent)["balancers"]
    assert (seen["name"], seen["address"]) == ("lb1/pis", host)
    assert seen["interval_ms"] < 10 * 200


def test_weight_returns_by_itself(agent, memory, balance):
    haproxy = balance(agent)
    memory.set(LITTLE_KB)
    harness.wait_until(lambda: haproxy.weight("pi") < 100, what="less weight")
    low = haproxy.weight("pi")
    memory.set(PLENTY_KB)
    harness.wait_until(lambda: haproxy.weight("pi") > low, timeout=60, what="more weight")


def test_drain_and_ready(agent, balance):
    haproxy = balance(agent)
    wait_told(agent, haproxy)
    agent.ask("drain", reason="new card")
    wait_status(haproxy, "DRAIN")
    # A stranger's calls do not use up what is owed to the balancer.
    agent.agent_check(send=b"")
    agent.ask("ready")
    wait_status(haproxy, "UP")
    wait_answers(agent, 4)
    assert not any("ready_left" in one for one in sink(agent)["balancers"] if one["name"])
    # From now on nothing of ours touches what people do by hand.
    for state, word in (("maint", "MAINT"), ("drain", "DRAIN")):
        assert haproxy.command(f"set server pool/pi state {state}").strip() == ""
        wait_status(haproxy, word)
        wait_answers(agent, 5)
        assert haproxy.status("pi").startswith(word)
        assert haproxy.command("set server pool/pi state ready").strip() == ""
        wait_status(haproxy, "UP")


def test_ready_goes_out_only_when_it_is_said(agent, balance):
    haproxy = balance(agent)
    wait_told(agent, haproxy)
    agent.ask("drain")
    wait_status(haproxy, "DRAIN")
    agent.ask("ready")
    harness.wait_until(lambda: not agent.status()["decision"]["drain"], what="the hold's end")
    # An earlier life of the agent may have drained anybody: whoever calls hears it, three times.
    stranger = harness.families()[-1]  # from another address, where there are two families

    def words():
        line = agent.agent_check(stranger, send=b"lb7/pis\n").partition(" # ")[0]
        return set(line.split()) & {"ready", "drain", "maint"}

    def left():
        known = {one["name"]: one.get("ready_left", 0) for one in sink(agent)["balancers"]}
        return known.get("lb7/pis", 3)

    for expected in (2, 1, 0):
        assert words() == {"ready"}
        harness.wait_until(lambda: left() == expected, what=f"{expected} more")
    assert not any(words() for _ in range(5))


def lose_power(agent):
    """What a reset does: the agent is gone without a word, and what it kept on the tmpfs, too."""
    agent.kill()
    shutil.rmtree(agent.run_dir)
    agent.run_dir.mkdir()
    agent.start()


def open_anew(agent):
    agent.configure({"haproxy": {"allow": "::1, 127.0.0.1"}})
    wait_answers(agent, 10)
    before = sink(agent)["answers"]
    agent.reload()
    harness.wait_until(lambda: sink(agent)["answers"] < before, what="a new count of answers")


@pytest.mark.parametrize("forget", [lose_power, open_anew])
def test_ready_undoes_a_drain_that_is_forgotten(agent, balance, forget):
    haproxy = balance(agent)
    wait_told(agent, haproxy)
    agent.ask("drain")
    wait_status(haproxy, "DRAIN")
    forget(agent)
    wait_answers(agent, 3)
    assert haproxy.status("pi").startswith("DRAIN")
    agent.ask("ready")
    wait_status(haproxy, "UP")


def test_ready_outlives_a_crash(agent, balance):
    haproxy = balance(agent)
    wait_told(agent, haproxy)
    agent.ask("drain")
    wait_status(haproxy, "DRAIN")
    haproxy.stop()  # it does not hear the word in time
    agent.ask("ready")
    harness.wait_until(lambda: not agent.status()["decision"]["drain"], what="the hold's end")
    agent.kill()
    agent.start()
    haproxy.cont()
    wait_status(haproxy, "UP")


def test_hold_outlives_a_restart(agent, balance):
    haproxy = balance(agent)
    wait_told(agent, haproxy)
    agent.ask("drain")
    wait_status(haproxy, "DRAIN")
    assert agent.term() == 0
    assert haproxy.status("pi").startswith("DRAIN")
    agent.start()
    wait_answers(agent, 3)
    assert haproxy.status("pi").startswith("DRAIN")
    agent.ask("ready")
    wait_status(haproxy, "UP")


def test_two_balancers_share_the_cap(agent, balance):
    first = balance(agent, "lb1/pis")
    harness.wait_until(lambda: first.maxconn("pi") == CAP, what="the whole cap")
    second = balance(agent, "lb2/pis", family=harness.families()[-1])
    for haproxy in (first, second):
        harness.wait_until(lambda: haproxy.maxconn("pi") == CAP // 2, what="half the cap")
        assert haproxy.weight("pi") == 100
    harness.wait_until(
        lambda: agent.status()["state"]["lb"]["balancers"] == 2, what="two balancers counted"
    )
    second.term()
    # It counts for 10 s more, so that a short silence does not double the load.
    harness.wait_until(lambda: first.maxconn("pi") == CAP, timeout=60, what="the whole cap again")


@both_families
def test_clean_stop_gives_the_weight_back(agent, memory, balance, family):
    haproxy = balance(agent, family=family)
    wait_told(agent, haproxy)
    memory.set(LITTLE_KB)
    harness.wait_until(lambda: haproxy.weight("pi") < 100, what="less weight")
    assert agent.term() == 0
    assert haproxy.weight("pi") == 100
    assert haproxy.maxconn("pi") == CAP
    assert haproxy.status("pi").startswith("UP")


def test_clean_stop_with_two_balancers(agent, memory, balance):
    balancers = [balance(agent, name) for name in ("lb1/pis", "lb2/pis")]
    for haproxy in balancers:
        wait_told(agent, haproxy)
    memory.set(LITTLE_KB)
    for haproxy in balancers:
        harness.wait_until(lambda: haproxy.weight("pi") < 100, what="less weight")
    assert agent.term() == 0
    for haproxy in balancers:
        assert haproxy.weight("pi") == 100
        assert haproxy.maxconn("pi") == CAP // 2


def test_dry_run_tells_and_changes_nothing(memory, start_agent, balance):
    options = ("--root", memory.root, "--dry-run")
    agent = start_agent({"control": {"cap": CAP}}, options=options)
    haproxy = balance(agent)
    harness.wait_until(lambda: haproxy.maxconn("pi") == CAP, what="the cap")
    memory.set(LITTLE_KB)
    harness.wait_until(lambda: agent.status()["decision"]["weight"] < 100, what="a decision")
    agent.ask("drain")
    harness.wait_until(lambda: agent.status()["decision"]["drain"], what="the hold")
    wait_answers(agent, 3)
    assert haproxy.weight("pi") == 100
    assert haproxy.status("pi").startswith("UP")
    assert "dry-run would" in agent.agent_check()


def test_fail_when_the_fleet_is_mixed(memory, start_agent, balance):
    config = {"control": {"cap": CAP, "fleet": "mixed"}}
    agent = start_agent(config, options=("--root", memory.root))
    haproxy = balance(agent)
    wait_told(agent, haproxy)
    memory.set(50_000)  # below a quarter of the reserve
    wait_status(haproxy, "DOWN (agent)")
    memory.set(PLENTY_KB)
    harness.wait_until(
        lambda: haproxy.status("pi").startswith("UP"), timeout=60, what="the server to be back"
    )


def test_strangers_are_refused(memory, start_agent, balance):
    if len(harness.families()) < 2:
        pytest.skip("needs both address families")
    config = {"control": {"cap": CAP}, "haproxy": {"allow": "::1"}}
    agent = start_agent(config, options=("--root", memory.root))
    haproxy = balance(agent, family=socket.AF_INET6)
    harness.wait_until(lambda: haproxy.maxconn("pi") == CAP, what="the cap")
    for _ in range(5):
        assert agent.agent_check(socket.AF_INET) == ""
    assert sink(agent)["refused"] == 5
    (seen,) = sink(agent)["balancers"]
    assert seen["address"] == "::1"


def connect(agent, family):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect((harness.LOOPBACK[family], agent.agent_port))
    return sock


def flood(agent, family, what, over):
    """Connects again and again, says too much, and leaves without a word."""
    while not over.is_set():
        with contextlib.suppress(OSError), connect(agent, family) as sock:
            sock.sendall(what)


FLOODS = {
    "nothing": b"",
    "text": b"x" * 10_000,
    "binary": b"\x00\xff" * 5_000,
    "lines": b"a\n" * 5_000,
}


@pytest.mark.parametrize("what", FLOODS.values(), ids=FLOODS)
def test_a_flood_does_not_disturb(agent, memory, balance, what):
    haproxy = balance(agent)
    wait_told(agent, haproxy)
    over = threading.Event()
    threads = [
        threading.Thread(target=flood, args=(agent, family, what, over))
        for family in harness.families()
    ]
    for thread in threads:
        thread.start()
    try:
        before = sink(agent)["answers"]
        harness.wait_until(lambda: sink(agent)["answers"] > before + 500, what="the flood")
        memory.set(LITTLE_KB)
        harness.wait_until(lambda: haproxy.weight("pi") < 100, what="less weight")
        wait_told(agent, haproxy)
        assert haproxy.stat()["pool", "pi"]["agent_status"] == "L7OK"
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert agent.alive()


def test_idle_connections_do_not_disturb(agent, memory, balance):
    haproxy = balance(agent)
    wait_told(agent, haproxy)
    with contextlib.ExitStack() as stack:
        held = [
            stack.enter_context(connect(agent, family))
            for _ in range(100)
            for family in harness.families()
        ]
        # Every one of them has its answer, and the balancer goes on getting its own.
        for sock in held:
            assert sock.recv(200).startswith(b"up 100% maxconn:")
        wait_answers(agent, 3)
        memory.set(LITTLE_KB)
        harness.wait_until(lambda: haproxy.weight("pi") < 100, what="less weight")
        assert haproxy.stat()["pool", "pi"]["agent_status"] == "L7OK"
        # Nobody is kept for ever.
        harness.wait_until(
            lambda: len(os.listdir(f"/proc/{agent.pid}/fd")) < 100, what="them to be closed"
        )


def test_without_ipv4(memory, start_agent):
    """A machine without IPv4: the default configuration works and says so without an error."""
    if not shutil.which("unshare") or not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("needs root, unshare and ip to make a network without IPv4")
    script = 'ip link set lo up && ip addr del 127.0.0.1/8 dev lo && exec "$0" "$@"'
    wrapper = ("unshare", "-n", "sh", "-c", script)
    agent = start_agent(options=("--root", memory.root), wrapper=wrapper)
    assert [address.partition("]")[0] for address in sink(agent)["listen"]] == ["[::1"]
    log = agent.tail()
    assert "this machine has no IPv4" in log
    assert "error: agent-check" not in log
