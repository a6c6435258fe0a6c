# SPDX-License-Identifier: MIT
"""Restarts under a polling HAProxy: no failed check, no stale weight, no jump.

Theory of operation: a stand-in for systemd (stand_in_systemd.py) keeps the sockets and the page of memory
while the agent is stopped, killed or replaced. HAProxy asks every 100 ms; a watcher reads its statistics
all the time, and probers call the agent-check and the HTTP port back to back on top of that, so that no
gap between two polls hides anything. Memory is made up (--root), so that a decision stays the same
unless a restart changes it.
"""

import contextlib
import os
import signal
import socket
import threading
import time

import harness
import pytest
from restart_lab import HttpProber, Prober, Watcher
from stand_in_systemd import Unit
from test_haproxy import CAP, PLENTY_KB, Memory

pytestmark = pytest.mark.skipif(
    harness.program("haproxy") is None, reason="haproxy is not installed (apt: haproxy)"
)
TIMES = 20
CHECKS = """ timeout check 3s
 option httpchk GET /health
 http-check expect status 200"""
# 250 MB less the inner part of the reserve, a third of 600 MB: room for one and a half workers of 32 MB.
SHED_KB = 250_000


PROBERS = (Prober, HttpProber)


@pytest.fixture
def memory(scratch):
    return Memory(scratch)


@pytest.fixture
def start_unit(scratch, memory):
    def start(config=None, **keys):
        config = {"control": {"cap": CAP}, **(config or {})}
        return Unit(scratch, config, options=("--root", memory.root), **keys).start()

    return start


@pytest.fixture
def balance(nginx, start_haproxy):
    def start(unit, name="lb1/pool", **keys):
        pi = {"name": "pi", "port": nginx.page_ports[0], "maxconn": 99, **keys}
        pi |= {"agent_port": unit.agent_port, "agent_send": name}
        host = harness.url_host(harness.families()[-1])
        pi |= {"extra": f"inter 100ms port {unit.http_port} addr {host.strip('[]')}"}
        # Otherwise an answer may take as long as agent-inter, which is nothing for a loaded machine.
        keys = {"agent_inter": "100ms", "extra": CHECKS}
        return start_haproxy([pi], name=name.replace("/", "-"), **keys)

    return start


def settle_shed(unit):
    """Until the decision in shed is the same for a while; the answer then. (To start with little
    memory is quicker than to come there: a sudden fall is a hard level first.)"""
    seen = []

    def steady():
        seen.append((unit.status()["decision"]["state"], unit.agent_check().partition(" # ")[0]))
        time.sleep(0.1)
        return seen[-1][0] == "shed" and len(seen) > 30 and len(set(seen[-30:])) == 1

    harness.wait_until(steady, timeout=90, what="a steady answer in shed")
    return seen[-1][1]


def told(line):
    """(weight, cap) of an answer line."""
    words = line.split()
    return words[1].rstrip("%"), words[2].removeprefix("maxconn:")


@pytest.mark.parametrize("way", ["restart", "crash", "hang_up"])
@pytest.mark.parametrize("kind", ["calm", "shed"])
def test_no_gap_and_no_jump(start_unit, memory, balance, capsys, way, kind):
    memory.set(SHED_KB if kind == "shed" else PLENTY_KB)
    unit = start_unit()
    haproxy = balance(unit)
    expected = f"up 100% maxconn:{CAP}"
    if kind == "shed":
        expected = settle_shed(unit)
    weight, cap = told(expected)
    harness.wait_until(
        lambda: (str(haproxy.weight("pi")), str(haproxy.maxconn("pi"))) == (weight, cap),
        what=f"HAProxy to follow {expected}",
    )
    watcher = Watcher(haproxy)
    harness.wait_until(lambda: haproxy.status("pi") == "UP", what="HAProxy's own check")
    probers = [kind(unit, family) for kind in PROBERS for family in harness.families()]
    longest_s = 0.0
    for number in range(TIMES):
        if way == "hang_up":  # the module is opened anew each time
            allow = {"allow": f"::1, 127.0.0.1, 192.0.2.{number}"}
            unit.configure({"haproxy": allow, "http": allow})
        else:
            unit.upgrade()
        begin = time.monotonic()
        getattr(unit, way)()
        longest_s = max(longest_s, time.monotonic() - begin)
        polls = unit.status()["notifiers"]["haproxy"]["answers"] + 3
        harness.wait_until(
            lambda: unit.status()["notifiers"]["haproxy"]["answers"] >= polls, what="three polls"
        )
    for prober in probers:
        prober.end()
    seen = watcher.end()
    with capsys.disabled():
        gaps = ", ".join(f"{prober.longest_s * 1000:.0f}" for prober in probers)
        print(
            f"\n{way}, {kind}: {TIMES} times, {longest_s * 1000:.0f} ms at most; an answer took "
            f"{gaps} ms at most, HAProxy's own check {watcher.longest_ms} ms"
        )
    # What a process had accepted when it was killed dies with it, and a reload that changes [http] cuts off
    # who is about to ask there: that one call, never the next.
    for prober in probers:
        cut = way == "crash" or (way == "hang_up" and isinstance(prober, HttpProber))
        assert len(prober.failed) <= (TIMES if cut else 0), prober.failed
        assert prober.lines == {expected}
    if way == "restart":
        assert seen["agent_status"] == seen["check_status"] - {"L7OKC"} == {"L7OK"}
        assert len(seen["chkfail"]) == 1
    assert seen["weight"] == {weight}
    assert seen["slim"] == {cap}
    assert all(status.startswith("UP") for status in seen["status"])


def test_a_stop_is_still_a_stop(start_unit, memory, balance):
    memory.set(SHED_KB)
    unit = start_unit()
    haproxy = balance(unit)
    harness.wait_until(lambda: haproxy.weight("pi") < 100, what="less weight")
    assert unit.end() == 0
    assert haproxy.weight("pi") == 100
    # ... and so is a restart of which nobody said that it is one.
    unit.start()
    harness.wait_until(lambda: haproxy.weight("pi") < 100, what="less weight again")
    assert unit.term() == 0
    assert haproxy.weight("pi") == 100


def test_recovering_goes_on_where_it_was(start_unit, memory, balance):
    unit = start_unit()
    haproxy = balance(unit)
    memory.set(50_000)  # the hard level: the way back begins at the bottom
    harness.wait_until(lambda: haproxy.weight("pi") == 1, what="the hard level")
    unit.restart()
    assert unit.status()["decision"]["state"] == "hard"
    memory.set(PLENTY_KB)
    harness.wait_until(lambda: 10 <= haproxy.weight("pi") < 60, what="the way back", timeout=60)
    before = unit.status()["decision"]
    assert before["state"] == "recover"
    unit.restart()
    after = unit.status()["decision"]
    assert after["state"] == "recover"
    assert after["since"] == before["since"]
    assert before["weight"] <= after["weight"] <= before["weight"] + 40
    harness.wait_until(lambda: haproxy.weight("pi") == 100, what="all of it", timeout=60)


def test_the_cap_stays_divided(start_unit, balance):
    unit = start_unit()
    both = [balance(unit, name) for name in ("lb1/pool", "lb2/pool")]
    for haproxy in both:
        harness.wait_until(lambda: haproxy.maxconn("pi") == CAP // 2, what="half the cap")
    both[1].stop()  # so that it cannot be counted anew
    watcher = Watcher(both[0])
    unit.restart()
    time.sleep(1)  # ten polls, far below the 10 s after which it does not count any more
    unit.configure({"haproxy": {"allow": "::1, 127.0.0.1"}})
    unit.hang_up()
    time.sleep(1)
    assert watcher.end()["slim"] == {str(CAP // 2)}
    both[1].cont()


def listening(port):
    """How many sockets listen on the port, in both families, whoever has them."""
    count = 0
    for name in ("tcp", "tcp6"):
        with open(f"/proc/net/{name}", encoding="ascii") as file:
            for row in list(file)[1:]:
                words = row.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    count += 1
    return count


def test_listen_changes(start_unit, scratch):
    """Removed from the store and closed; added; a wildcard in place of an address; over a crash."""
    unit = start_unit({"http": {"listen": ""}})
    here = len(harness.families())
    page = ["hostingpi-page"]
    sockets = unit.manager.names()
    assert len(sockets) == here + 1
    old_port, unit.agent_port = unit.agent_port, harness.free_port()
    unit.configure({"haproxy": {"listen": f":{unit.agent_port}"}})
    unit.hang_up()
    harness.wait_until(lambda: len(unit.manager.names()) == 2, what="the old ones to be gone")
    assert listening(old_port) == 0
    assert unit.agent_check(harness.families()[-1]).startswith("up 100%")
    # From the wildcard to an address of the same port, while systemd holds it as well; and back.
    path = scratch.path / "agent.sock"
    listen = f"{harness.url_host(harness.families()[0])}:{unit.agent_port}, unix:{path}"
    unit.configure({"haproxy": {"listen": listen}})
    unit.hang_up()
    assert unit.agent_check(harness.families()[0]).startswith("up 100%")
    harness.wait_until(lambda: len(unit.manager.names()) == 3, what="two sockets and the page")
    # The process that is killed knows nothing of the next configuration.
    unit.configure({"haproxy": {"listen": f":{unit.agent_port}, unix:{path}"}})
    before = os.stat(path).st_ino
    unit.crash()
    harness.wait_until(lambda: len(unit.manager.names()) == 3, what="two sockets and the page")
    assert unit.agent_check(harness.families()[-1]).startswith("up 100%")
    assert os.stat(path).st_ino == before
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.connect(str(path))
        sock.sendall(b"lb1/pool\n")
        assert sock.recv(100).startswith(b"up 100%")
    unit.configure({"haproxy": {"listen": ""}})
    unit.hang_up()
    harness.wait_until(lambda: unit.manager.names() == page, what="an empty store")
    assert listening(unit.agent_port) == 0


def test_sockets_of_a_socket_unit(scratch, memory, start_unit):
    """Used where listen names them, told where not, never put into the store, never shut down."""
    family = harness.families()[0]
    wanted, stray = (socket.create_server((harness.LOOPBACK[family], 0), family=family),) + (
        socket.create_server((harness.LOOPBACK[family], 0), family=family),
    )
    with contextlib.closing(wanted), contextlib.closing(stray):
        listen = f"{harness.url_host(family)}:{wanted.getsockname()[1]}"
        unit = start_unit(
            {"haproxy": {"listen": listen}, "http": {"listen": ""}}, sockets=[wanted, stray]
        )
        unit.agent_port = wanted.getsockname()[1]
        assert unit.agent_check(family).startswith("up 100%")
        assert unit.manager.names() == ["hostingpi-page"]
        assert "which no listen names" in unit.tail()
        unit.restart()
        assert unit.agent_check(family).startswith("up 100%")
        assert unit.end() == 0
        assert stray.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        assert wanted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def test_callers_wait_for_the_next_agent(start_unit, memory):
    memory.set(SHED_KB)
    unit = start_unit()
    expected = settle_shed(unit)
    unit.stop_for_restart()
    answers = []
    callers = [
        threading.Thread(target=lambda: answers.append(unit.agent_check()), daemon=True)
        for _ in range(50)
    ]
    for caller in callers:
        caller.start()
    unit.start()
    for caller in callers:
        caller.join(harness.DEADLINE_S)
    assert {line.partition(" # ")[0] for line in answers} == {expected}
    assert len(answers) == 50


def test_without_systemd_nobody_hands_over(start_agent):
    agent = start_agent()
    assert "nobody keeps its sockets" in agent.ask("handover")["error"]
    assert agent.term() == 0
    assert "stopping" in agent.tail()


def test_availability_does_not_flap(start_unit, mosquitto):
    subscriber = mosquitto.subscriber("hostingpi/lab/availability")
    unit = start_unit({"mqtt": {"host": "127.0.0.1", "port": mosquitto.port}})
    online = lambda _topic, payload: payload == "online"  # noqa: E731
    for _ in range(5):
        since = subscriber.count()
        subscriber.wait_for(online, what="online") if since == 0 else None
        since = subscriber.count()
        unit.restart()
        subscriber.wait_for(online, since=since, timeout=60, what="online again")
    assert {payload for _, _, payload in subscriber.messages} == {"online"}
    assert unit.end() == 0
    subscriber.wait_for(lambda _topic, payload: payload == "offline", what="offline")


def test_stops_at_bad_moments(start_unit, scratch):
    """Each of these ends with exit code 0 and soon; none leaves a half-done thing behind."""
    unit = start_unit()
    # Two stops at once.
    os.kill(unit.pid, signal.SIGTERM)
    os.kill(unit.pid, signal.SIGTERM)
    assert unit.wait() == 0
    # A stop during a reload, and a reload during a stop.
    unit.start()
    unit.configure({"haproxy": {"allow": "::1, 127.0.0.1"}})
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
        os.kill(unit.pid, number)
    assert unit.wait() == 0
    # A hand-over that is asked twice, and one that a second signal hurries.
    unit.start()
    assert unit.ctl("handover") == 0
    assert unit.ctl("handover") == 0
    os.kill(unit.pid, signal.SIGTERM)
    os.kill(unit.pid, signal.SIGINT)
    assert unit.wait() == 0
    # A stop before the start is complete: as early as possible, and a bit later each time.
    for wait_s in range(8):
        unit.spawn()
        time.sleep(wait_s / 100)
        os.kill(unit.pid, signal.SIGTERM)
        assert unit.wait() in (0, -signal.SIGTERM)


def test_run_dir_vanishes(start_unit, memory):
    memory.set(SHED_KB)
    unit = start_unit()
    expected = settle_shed(unit)
    for path in unit.run_dir.iterdir():
        path.unlink()
    unit.run_dir.rmdir()
    unit.hang_up()
    unit.crash()
    assert unit.agent_check().partition(" # ")[0] == expected
    assert unit.ask("status")["decision"]["state"] == "shed"
    unit.restart()
    assert unit.agent_check().partition(" # ")[0] == expected
