# SPDX-License-Identifier: MIT
"""What a weight from the agent does in the installed HAProxy: scaling, algorithms, zero, slowstart.

Theory of operation: one HAProxy for all of it (agent_rows.py). Each test has a backend of its own,
with the server "pi", which the test speaks for, and mostly "other", which nobody speaks for.
"""

import agent_rows
import harness
import pytest

pytestmark = pytest.mark.skipif(
    harness.program("haproxy") is None, reason="haproxy is not installed (apt: haproxy)"
)

# Configured weight: [(percent, weight in force)]: a percentage of what is configured, rounded down,
# 256 at most.
SCALES = {
    100: [(50, 50), (1, 1), (100, 100), (255, 255), (300, 256)],
    7: [(50, 3)],
    19: [(5, 0)],
    20: [(5, 1)],
    1: [(100, 1), (99, 0), (255, 2)],
    256: [(50, 128), (101, 256)],
}
DYNAMIC = {
    "roundrobin": ["balance roundrobin"],
    "leastconn": ["balance leastconn"],
    "random": ["balance random"],
    "first": ["balance first"],
    "source-consistent": ["balance source", "hash-type consistent"],
    "uri-consistent": ["balance uri", "hash-type consistent"],
}
STATIC = {
    "static-rr": ["balance static-rr"],
    "source": ["balance source"],
    "uri": ["balance uri"],
    "hdr": ["balance hdr(host)"],
}
STATIC_WARNS = "static LB algorithm"
PAIR = {
    "pi": "PAGES weight 100 agent-check cookie pi",
    "other": "PAGES weight 100 cookie other",
}
SLOW_S = 20  # one step of slowstart is a twentieth of it: longer than a busy machine looks away
BACKENDS = {
    "scale": (
        [],
        {f"s{weight}": f"PAGES weight {weight} agent-check" for weight in SCALES},
    ),
    **{name: (lines, PAIR) for name, lines in {**DYNAMIC, **STATIC}.items()},
    "zero": (["cookie srv insert"], {**PAIR, "pi": PAIR["pi"] + " check inter 100ms"}),
    "one": ([], {"pi": "PAGES weight 1 agent-check", "other": "PAGES weight 1"}),
    "share": (["balance roundrobin"], PAIR),
    "runtime": ([], PAIR),
    # A check that is under way when its agent is disabled ends by this time-out only.
    "frozen": (["timeout check 300ms"], PAIR),
    "kept": ([], PAIR),
    "jump": ([], {"pi": f"{PAIR['pi']} slowstart {SLOW_S}s"}),
    "ramp": ([], {"pi": f"{PAIR['pi']} slowstart {SLOW_S}s"}),
    "rampcap": ([], {"pi": f"{PAIR['pi']} slowstart {3 * SLOW_S}s"}),
}


@pytest.fixture(scope="module")
def module_rows():
    with agent_rows.Rows(BACKENDS, default=b"100%\n") as rows:
        yield rows


@pytest.fixture
def rows(module_rows, request):
    return agent_rows.guard(module_rows, request)


@pytest.mark.parametrize("configured", SCALES)
def test_scaling(rows, configured):
    for percent, weight in SCALES[configured]:
        rows.say(f"scale/s{configured}", f"{percent}%\n".encode())
        found = rows.see(f"scale/s{configured}")
        assert found["weight"] == found["effective"] == weight


def test_weight_1_and_99_percent_is_a_drain(rows):
    assert rows.servers("one", 8)["pi"] == 4
    rows.say("one/pi", b"99%\n")
    assert rows.see("one/pi")["weight"] == 0
    assert rows.servers("one") == {"other": 12}


@pytest.mark.parametrize("name", DYNAMIC)
def test_dynamic_algorithms_take_any_weight(rows, name):
    for percent in (37, 0, 100):
        rows.say(f"{name}/pi", f"{percent}%\n".encode())
        assert rows.see(f"{name}/pi")["weight"] == percent


@pytest.mark.parametrize("name", STATIC)
def test_static_algorithms_take_all_or_nothing(rows, name):
    server = f"{name}/pi"
    for percent, weight in ((37, 100), (0, 0), (1, 0), (100, 100), (99, 100)):
        rows.say(server, f"{percent}%\n".encode())
        found = rows.see(server)
        assert (found["weight"], STATIC_WARNS in found["said"]) == (weight, percent not in (0, 100))
    rows.say(server, b"0%\n")
    assert rows.servers(name) == {"other": 12}


def test_weights_are_relative(rows):
    """When all lower their weights together, nobody gets less."""
    rows.say("share/pi", b"10%\n")
    rows.command("set weight share/other 10")
    assert rows.servers("share", 40) == {"pi": 20, "other": 20}
    rows.command("set weight share/other 90")
    assert rows.servers("share", 100)["pi"] in range(9, 12)


def test_first_ignores_weights_but_not_caps(rows):
    rows.say("first/pi", b"1% maxconn:1\n")
    assert rows.servers("first") == {"pi": 12}
    with rows.held("first") as held:
        rows.hold(held, "first")
        held.wait_at_work(1)
        assert rows.servers("first") == {"other": 12}


@pytest.mark.parametrize("line", [b"0%\n", b"drain\n"], ids=["0", "drain"])
def test_zero_leaves_the_selection_but_keeps_sticky_clients(rows, line):
    rows.say("zero/pi", b"ready up 100%\n")
    rows.wait_status("zero/pi", "UP")
    assert rows.servers("zero")["pi"] == 6
    rows.say("zero/pi", line)
    found = rows.see("zero/pi")
    assert (found["effective"], found["status"]) in ((0, "UP"), (100, "DRAIN (agent)"))
    assert rows.servers("zero") == {"other": 12}
    assert rows.servers("zero", 20, cookie="pi") == {"pi": 20}


def test_a_weight_by_hand_lasts_until_the_next_weight(rows):
    rows.say("runtime/pi", b"up 40% maxconn:9\n")
    rows.say("runtime/pi", b"up maxconn:9\n")  # says nothing about the weight
    rows.command("set weight runtime/pi 70%")
    rows.command("set maxconn server runtime/pi 5")
    assert rows.see("runtime/pi")["weight"] == 70
    rows.say("runtime/pi", b"up maxconn:9\n")
    found = rows.see("runtime/pi")
    assert (found["weight"], found["maxconn"]) == (70, 9)
    rows.say("runtime/pi", b"up 40%\n")
    found = rows.see("runtime/pi")
    assert (found["weight"], found["maxconn"]) == (40, 9)


def test_disable_agent_freezes_and_enable_agent_resumes(rows):
    rows.say("frozen/pi", b"40%\n")
    rows.command("disable agent frozen/pi")
    rows.responder.write("frozen/pi", b"90%\n")
    rows.say("kept/pi", b"100%\n")  # others are asked, so this one is left out on purpose
    asked = rows.responder.taken["frozen/pi"]
    rows.command("set weight frozen/pi 60%")
    rows.say("kept/pi", b"100%\n")
    assert rows.responder.taken["frozen/pi"] == asked <= 1
    assert rows.balancer.weight("pi", "frozen") == 60
    rows.command("enable agent frozen/pi")
    harness.wait_until(lambda: rows.see("frozen/pi")["weight"] == 90, what="the agent's weight")


def test_what_is_not_mentioned_stays(rows):
    rows.say("kept/pi", b"fail 40% maxconn:5\n")
    expected = {"weight": 40, "maxconn": 5, "status": "DOWN (agent)"}
    replies = [(b"maxconn:6\n", {"maxconn": 6}), (b"30%\n", {"weight": 30}), (b"\n", {})]
    replies += [(b"", {}), (agent_rows.RESET, {}), (b"up\n", {"status": "no check"})]
    replies += [(b"drain\n", {"status": "DRAIN (agent)"}), (b"up 20%\n", {"weight": 20})]
    replies += [(b"maxconn:7\n", {"maxconn": 7}), (b"ready\n", {"status": "no check"})]
    for line, change in replies:
        expected |= change
        rows.say("kept/pi", line)
        found = rows.see("kept/pi")
        assert {key: found[key] for key in expected} == expected, line


def test_slowstart_does_not_apply_to_weights(rows):
    rows.say("jump/pi", b"up 100%\n")
    for percent in (0, 100, 5, 95):
        rows.say("jump/pi", f"up {percent}%\n".encode())
        assert rows.see("jump/pi")["effective"] == percent


def test_slowstart_ramps_after_down_and_up(rows):
    """... in steps of the agent's weight, not of the configured one."""
    rows.say("ramp/pi", b"down 50%\n")
    rows.wait_status("ramp/pi", "DOWN")
    rows.say("ramp/pi", b"up 50%\n")
    found = rows.see("ramp/pi")
    assert found["weight"] == 50
    first = found["effective"]
    assert 0 < first < 50
    more = lambda: rows.see("ramp/pi")["effective"] > first
    harness.wait_until(more, what="the next step of the ramp", pause=0.1)
    assert rows.see("ramp/pi")["effective"] <= 50


def test_slowstart_ramps_the_cap(rows):
    rows.say("rampcap/pi", b"down 100% maxconn:4\n")
    rows.wait_status("rampcap/pi", "DOWN")
    rows.say("rampcap/pi", b"up 100% maxconn:4\n")
    with rows.held("rampcap") as held:
        rows.hold(held, "rampcap", 4)
        queued = lambda: rows.balancer.stat()["rampcap", "BACKEND"]["qcur"] == "3"
        harness.wait_until(queued, what="all but one to wait")
        assert rows.see("rampcap/pi")["maxconn"] == 4
        held.wait_at_work(1)
