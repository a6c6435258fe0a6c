# SPDX-License-Identifier: MIT
"""What a cap from the agent does in the installed HAProxy, and what a reload forgets.

Theory of operation: one HAProxy for all of it (agent_rows.py), as master and worker, so that it can
be reloaded. Requests are held by the web server, so that those that wait in HAProxy can be counted.
"""

import threading

import agent_rows
import harness
import pytest

pytestmark = pytest.mark.skipif(
    harness.program("haproxy") is None, reason="haproxy is not installed (apt: haproxy)"
)

PI = "PAGES weight 100 agent-check"
LIMITED = {"pi": PI + " maxconn 2"}
BACKENDS = {
    "caps": (["timeout queue 1s", "balance roundrobin"], {"pi": PI, "pi2": PI}),
    "other": ([], {"pi": PI}),
    "raised": ([], {"pi": PI}),
    "lowered": ([], {"pi": PI}),
    "static": ([], LIMITED),
    "unlimited": ([], LIMITED),
    "zero": (["timeout queue 1s"], {"pi": PI}),
    "reload": ([], {"pi": PI + " maxconn 44", "hand": PI + " maxconn 44"}),
}


class Master(agent_rows.Reloadable, agent_rows.Balancer):
    pass


@pytest.fixture(scope="module")
def module_rows():
    with agent_rows.Rows(BACKENDS, kind=Master) as rows:
        yield rows


@pytest.fixture
def rows(module_rows, request):
    return agent_rows.guard(module_rows, request)


def wait_queued(rows, backend, count):
    queued = lambda: int(rows.balancer.stat()[backend, "BACKEND"]["qcur"]) == count
    harness.wait_until(queued, what=f"{count} requests to wait")


def test_excess_requests_queue_and_end_with_503(rows):
    """Caps of 2 and 2 without any static one: of seven requests four are served."""
    for server in ("caps/pi", "caps/pi2"):
        rows.say(server, b"up 100% maxconn:2\n")
    with rows.held("caps") as held:
        answers = rows.hold(held, "caps", 7)
        held.wait_at_work(4)
        refused = lambda: [one for one in answers if one.done()]
        harness.wait_until(lambda: len(refused()) == 3, what="timeout queue")
        assert [one.result() for one in refused()] == [(503, None)] * 3
        assert held.at_work() == 4
        held.release()
        served = sorted(one.result() for one in answers if one.result()[0] == 200)
        assert served == [(200, "pi"), (200, "pi"), (200, "pi2"), (200, "pi2")]


def test_a_cap_holds_for_one_backend_only(rows):
    """The same answer in two backends allows twice as many requests."""
    for server in ("other/pi", "raised/pi"):
        rows.say(server, b"up 100% maxconn:2\n")
    with rows.held("both") as held:
        for backend in ("other", "raised"):
            rows.hold(held, backend, 3)
            wait_queued(rows, backend, 1)
        held.wait_at_work(4)


def test_a_higher_cap_lets_those_in_who_wait(rows):
    rows.say("raised/pi", b"up 100% maxconn:1\n")
    with rows.held("raised") as held:
        answers = rows.hold(held, "raised", 4)
        wait_queued(rows, "raised", 3)
        held.wait_at_work(1)
        rows.say("raised/pi", b"up 100% maxconn:3\n")
        held.wait_at_work(3)
        assert rows.balancer.stat()["raised", "BACKEND"]["qcur"] == "1"
        held.release()
        assert [one.result() for one in answers] == [(200, "pi")] * 4


def test_a_lower_cap_ends_nothing(rows):
    rows.say("lowered/pi", b"up 100% maxconn:4\n")
    with rows.held("lowered") as held:
        first = rows.hold(held, "lowered", 3)
        held.wait_at_work(3)
        rows.say("lowered/pi", b"up 1% maxconn:1\n")
        second = rows.hold(held, "lowered", 2)
        wait_queued(rows, "lowered", 2)
        assert held.at_work() == 3
        held.release()
        assert [one.result() for one in first + second] == [(200, "pi")] * 5


@pytest.mark.parametrize(("backend", "cap", "at_work"), [("static", 5, 5), ("unlimited", 0, 6)])
def test_the_static_cap_is_replaced(rows, backend, cap, at_work):
    """... and 0 is no cap at all, for those who meant "nothing"."""
    assert rows.see(f"{backend}/pi")["maxconn"] == 2
    rows.say(f"{backend}/pi", f"up 100% maxconn:{cap}\n".encode())
    with rows.held(backend) as held:
        rows.hold(held, backend, 6)
        held.wait_at_work(at_work)
        wait_queued(rows, backend, 6 - at_work)
        assert rows.see(f"{backend}/pi")["maxconn"] == cap


def test_zero_percent_strands_those_who_wait(rows):
    """Those in the queue belong to no server: at 0 % nobody takes them, though there is room."""
    rows.say("zero/pi", b"up 100% maxconn:1\n")
    with rows.held("zero") as held:
        (first,) = rows.hold(held, "zero")
        held.wait_at_work(1)
        waiting = rows.hold(held, "zero", 2)
        wait_queued(rows, "zero", 2)
        rows.say("zero/pi", b"up 0% maxconn:9\n")
        assert [one.result() for one in waiting] == [(503, None)] * 2
        held.release()
        assert first.result() == (200, "pi")


def test_a_reload_forgets_until_the_first_reply(rows):
    low = b"drain 40% maxconn:5\n"
    rows.say("reload/pi", low)
    rows.command("set server reload/hand state maint")
    found = rows.see("reload/pi")
    assert (found["weight"], found["maxconn"], found["status"]) == (40, 5, "DRAIN (agent)")
    speak = threading.Event()
    rows.responder.write("reload/pi", [speak, low])
    rows.responder.wait("reload/pi", 1)
    rows.balancer.reload()
    rows.responder.wait("reload/pi", 2)  # the new worker's call: it gets no answer yet
    row = rows.balancer.stat()["reload", "pi"]
    assert (row["weight"], row["slim"], row["status"]) == ("100", "44", "no check")
    # What an operator did is forgotten, too, and no reply of an agent can know of it.
    assert rows.see("reload/hand")["status"] == "no check"
    speak.set()
    as_before = lambda: rows.see("reload/pi") | {"agent": ""} == found | {"agent": ""}
    harness.wait_until(as_before, what="weight, cap and state of before")
