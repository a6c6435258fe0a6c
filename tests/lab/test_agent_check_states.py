# SPDX-License-Identifier: MIT
"""What health and admin words do to servers and requests in the installed HAProxy.

Theory of operation: one HAProxy for all of it (agent_rows.py). Requests "in flight" are held by the
web server until the test lets them go.
"""

import itertools
import agent_rows
import harness
import pytest

pytestmark = pytest.mark.skipif(
    harness.program("haproxy") is None, reason="haproxy is not installed (apt: haproxy)"
)

PI = "PAGES weight 100 agent-check cookie pi"
PAIR = {"pi": PI, "other": "PAGES weight 100 cookie other"}
BOTH = {"pi": PI, "pi2": "PAGES weight 100 agent-check cookie pi2"}
CHECKED = PI + " check inter 50ms fall 1 rise 1"
STICKY = ["cookie srv insert"]
LEAVING = {"0": b"up 0%\n", "drain": b"drain\n", "maint": b"maint\n", "fail": b"fail\n"}
REFUSING = {"maint": "MAINT", "down": "DOWN", "fail": "DOWN", "stopped": "DOWN"}
BY_HAND = {"maint": 0x01, "drain": 0x08}  # bits of srv_admin_state
BACKENDS = {
    "sticky": (STICKY, PAIR),
    "flight": (STICKY, PAIR),
    "all": (STICKY, BOTH),
    "health": ([], {"pi": CHECKED, "gone": CHECKED.replace("PAGES", "[::1]:1")}),
    "hand": ([], PAIR),
    "ready": ([], PAIR),
    "order": ([], PAIR),
}


@pytest.fixture(scope="module")
def module_rows():
    with agent_rows.Rows(BACKENDS) as rows:
        yield rows


@pytest.fixture
def rows(module_rows, request):
    return agent_rows.guard(module_rows, request)


@pytest.mark.parametrize("word", REFUSING)
def test_sticky_clients_are_sent_elsewhere(rows, word):
    rows.say("sticky/pi", b"ready up\n")
    assert rows.servers("sticky", cookie="pi") == {"pi": 12}
    rows.say("sticky/pi", f"{word}\n".encode())
    rows.wait_status("sticky/pi", REFUSING[word])
    assert rows.servers("sticky", cookie="pi") == {"other": 12}
    assert rows.servers("sticky") == {"other": 12}


@pytest.mark.parametrize("word", LEAVING)
def test_requests_in_flight_complete(rows, word):
    rows.say("flight/pi", b"ready up 100%\n")
    with rows.held(f"flight{word}") as held:
        answers = rows.hold(held, "flight", 3, cookie="pi")
        held.wait_at_work(3)
        rows.say("flight/pi", LEAVING[word])
        harness.wait_until(lambda: rows.servers("flight", 4) == {"other": 4}, what=word)
        assert held.at_work() == 3
        held.release()
        assert [answer.result() for answer in answers] == [(200, "pi")] * 3


@pytest.mark.parametrize("line", [b"up 0%\n", b"drain\n"], ids=["0", "drain"])
def test_nobody_left_is_503_at_once(rows, line):
    """Nothing is queued, though "timeout queue" would allow it; sticky clients are served."""
    for server in ("all/pi", "all/pi2"):
        rows.say(server, b"ready up 100%\n")
        rows.say(server, line)
    assert [rows.get("all") for _ in range(8)] == [(503, None)] * 8
    assert rows.servers("all", cookie="pi2") == {"pi2": 12}
    assert rows.balancer.stat()["all", "BACKEND"]["qmax"] == "0"
    rows.say("all/pi", b"ready up 1%\n")
    assert rows.servers("all") == {"pi": 12}


def test_up_revives_what_the_agent_failed(rows):
    rows.wait_status("health/pi", "UP")
    for word in (b"fail\n", b"down # text\n", b"stopped\n"):
        rows.say("health/pi", word)
        rows.wait_status("health/pi", "DOWN (agent)")
        rows.say("health/pi", b"30%\n")  # no health word: it stays down, however healthy
        assert rows.see("health/pi")["status"] == "DOWN (agent)"
        rows.say("health/pi", agent_rows.RESET)
        assert rows.see("health/pi")["status"] == "DOWN (agent)"
        rows.say("health/pi", b"up\n")
        rows.wait_status("health/pi", "UP")


def test_up_does_not_override_a_failed_health_check(rows):
    rows.wait_status("health/gone", "DOWN")
    for line in (b"up\n", b"up 100%\n", b"ready up\n", b"up\n"):
        rows.say("health/gone", line)
        found = rows.see("health/gone")
        assert (found["status"].split()[0], found["agent"]) == ("DOWN", "L7OK")


@pytest.mark.parametrize("state", BY_HAND)
def test_up_does_not_lift_what_an_operator_did(rows, state):
    rows.say("hand/pi", b"up 100%\n")
    rows.command(f"set server hand/pi state {state}")
    for line in (b"up 90%\n", b"up 100% maxconn:9\n", b"fail\n", b"up\n"):
        rows.say("hand/pi", line)
        admin = rows.balancer.servers_state("hand")["pi"]["srv_admin_state"]
        assert int(admin) & BY_HAND[state]
    assert rows.see("hand/pi")["status"].startswith(state.upper())
    assert rows.servers("hand") == {"other": 12}
    rows.command("set server hand/pi state ready")
    rows.wait_status("hand/pi", "no check")


@pytest.mark.parametrize("state", BY_HAND)
def test_ready_cancels_what_an_operator_did(rows, state):
    rows.say("ready/pi", b"ready up 100%\n")
    rows.command(f"set server ready/pi state {state}")
    rows.wait_status("ready/pi", "no check")
    assert rows.servers("ready")["pi"] == 6


@pytest.mark.parametrize("words", itertools.permutations(("ready", "30%", "maxconn:3", "up")))
def test_the_order_of_words_does_not_matter(rows, words):
    rows.say("order/pi", b"maint fail 90% maxconn:9\n")
    rows.say("order/pi", " ".join(words).encode() + b"\n")
    found = rows.see("order/pi")
    assert (found["weight"], found["maxconn"], found["status"]) == (30, 3, "no check")
