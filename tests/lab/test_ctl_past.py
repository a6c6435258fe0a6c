# SPDX-License-Identifier: MIT
"""What was: hostingpictl history and events, and a drain that ends by itself, against the real agent."""

import json
import os
import re
import subprocess
import time

import harness
import pytest
from process import wait_until

CTL = harness.BUILD / "hostingpictl"
SERIES = {
    "sd.write_latency_ms": "ms",
    "swap.out_bytes_s": "bytes/s",
    "mem.available_bytes": "bytes",
    "mem.headroom_bytes": "bytes",
    "mem.reserve_bytes": "bytes",
    "web.requests_s": "1/s",
    "web.errors_5xx_s": "1/s",
    "web.busy_workers": "",
    "soc.temp_c": "C",
    "lb.weight": "",
}


@pytest.fixture(name="agent")
def quick_agent(start_agent):
    return start_agent({"agent": {"interval": "250ms"}, "requests": {"source": "none"}})


@pytest.fixture(name="ctl")
def program(agent):
    def run(*words, code=0, **environment):
        command = [str(word) for word in (CTL, "--socket", agent.run_dir / "control.sock", *words)]
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done
        return done.stderr if code else done.stdout

    return run


def decision(agent):
    return agent.status()["decision"]


def wait_state(agent, *words):
    wait_until(lambda: decision(agent)["state"] in words, what=f"the state {words}")


def course(agent, series="mem.headroom_bytes", **values):
    return agent.ask("history", series=series, **values)


def known(answer):
    return [value for value in answer["mean"] if value is not None]


def test_the_list(agent, ctl):
    """Every series that a table marks, with its unit: no more are marked than there is room for."""
    answer = agent.ask("history")
    assert {one["name"]: one["unit"] for one in answer["series"]} == SERIES
    assert all(one["help"] for one in answer["series"])
    hour, day = answer["spans"]["hour"], answer["spans"]["day"]
    assert hour["step_s"] * hour["steps"] == 3600 and day["step_s"] * day["steps"] == 86400
    assert json.loads(ctl("--json", "history")) == answer


@pytest.mark.parametrize("span", ["hour", "day"])
def test_a_course(agent, ctl, span):
    wait_until(lambda: len(known(course(agent))) >= 1, what="a step")
    answer = json.loads(ctl("history", "mem.headroom_bytes", "--span", span, "--json"))
    status = agent.status()
    assert (answer["series"], answer["span"]) == ("mem.headroom_bytes", span)
    for part in ("least", "mean", "most"):
        assert len(answer[part]) == answer["steps"]
    for least, mean, most in zip(answer["least"], answer["mean"], answer["most"]):
        assert least is mean is most is None or least <= mean <= most
    # Oldest first: the agent is young, what there is stands at the end.
    assert answer["mean"][0] is None and answer["mean"][-1] is not None
    assert 0 <= status["ts"] - answer["ts"] < 1000 * answer["step_s"] + 60000
    total = status["state"]["mem"]["total_bytes"]
    assert 0 < answer["mean"][-1] < total
    reserve = course(agent, "mem.reserve_bytes", span=span)["mean"][-1]
    assert reserve == pytest.approx(status["state"]["mem"]["reserve_bytes"], rel=0.001)


def test_another_step_follows(agent):
    """A step of ten seconds ends, and stays as it was."""
    wait_until(lambda: len(known(course(agent))) >= 2, timeout=60, what="a second step")
    before = course(agent)
    after = course(agent)
    assert known(before)[:-1] == known(after)[: len(known(before)) - 1]


def test_history_survives_a_restart(agent):
    wait_until(lambda: len(known(course(agent))) >= 2, timeout=60, what="a second step")
    before = course(agent)
    assert agent.term() == 0
    kept = agent.run_dir / "history"
    assert kept.stat().st_size < 60000
    agent.start()
    # The step that ran at the end may have gone on since.
    after = course(agent)
    moved = round((after["ts"] - before["ts"]) / 1000 / after["step_s"])
    assert known(before)[:-1] == [
        after["mean"][i - moved] for i, one in enumerate(before["mean"][:-1]) if one is not None
    ]
    # What is no history is not taken for one; the agent begins anew.
    assert agent.term() == 0
    kept.write_bytes(b"x" * kept.stat().st_size)
    agent.start()
    wait_until(lambda: known(course(agent)), what="a step")
    assert len(known(course(agent))) <= 2


def test_history_for_people(agent, ctl):
    wait_until(lambda: known(course(agent)), what="a step")
    lines = ctl("history").splitlines()
    assert "the last hour" in lines[0] and lines[0].split()[-3:] == ["least", "mean", "most"]
    assert [line.split()[0] for line in lines[1:]] == list(SERIES)
    rows = {line.split()[0]: line for line in lines[1:]}
    numbers = r" +[\d.]+ [KMG]iB" * 3
    assert re.search(rf"[\u2581-\u2588]{numbers}$", rows["mem.headroom_bytes"])
    assert rows["web.requests_s"].endswith("not known")
    one = ctl("history", "lb.weight", "--span", "day")
    assert one.startswith("lb.weight, the last day: ") and re.search(r"most +\d+ \(\d\d:", one)
    assert "nothing was known" in ctl("history", "web.requests_s")
    assert ctl("history", LC_ALL="C").isascii()


def test_history_that_is_not_there(agent, ctl):
    assert "no course of that reading" in ctl("history", "mem.nothing", code=1)
    assert "is one of hour, day" in ctl("history", "lb.weight", "--span", "week", code=1)
    assert "needs a reading" in ctl("history", "--json", "--span", "day", code=2)
    assert "error" in agent.ask("history", span="day")


def test_events(agent, ctl):
    ctl("drain", "--reason", "new card")
    wait_state(agent, "hold")
    ctl("ready", "--reason", "card is in")
    wait_state(agent, "normal", "recover")
    assert "ready asked for by user id" in agent.tail() and ": card is in" in agent.tail()
    answer = json.loads(ctl("events", "--json"))
    assert answer["kept"] == len(answer["events"]) and answer["left_out"] == 0
    ids = [event["id"] for event in answer["events"]]
    assert ids == sorted(ids, reverse=True) and ids[-1] == 1
    assert answer["events"][-1]["kind"] == "start"
    assert any("operator: new card" in event["text"] for event in answer["events"])
    newest = json.loads(ctl("events", "-n", 1, "--json"))["events"]
    assert len(newest) == 1
    lines = ctl("events").splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \w+ +start +start -> ", lines[-1])
    assert len(ctl("events", "-n", 2).splitlines()) == 2


def test_events_survive_a_restart(agent, ctl):
    ctl("drain", "--reason", "new card")
    wait_state(agent, "hold")
    before = agent.ask("events")["events"]
    assert agent.term() == 0
    kept = agent.run_dir / "events"
    assert kept.read_text().startswith("hostingpi events 1 ")
    agent.start()
    after = agent.ask("events")["events"]
    assert after[-len(before):] == before  # the numbers in them, too
    assert after[-len(before) - 1]["kind"] == "start"
    # What is none of ours is not taken for them.
    assert agent.term() == 0
    kept.write_text(kept.read_text().replace(" state ", " st te ", 1))
    agent.start()
    answer = agent.ask("events")
    assert answer["events"][-1]["kind"] == "start" and answer["events"][-1]["id"] == 1


def test_as_many_events_as_are_kept(agent):
    """64 at most, each of them whole."""
    for i in range(40):
        agent.ask("drain", reason=f"turn {i} " + "x" * 30)
        wait_state(agent, "hold")
        agent.ask("ready")
        wait_state(agent, "normal", "recover")
    answer = agent.ask("events")
    assert answer["kept"] == 64 and len(answer["events"]) == 64 - answer["left_out"]
    assert len(answer["events"]) > 50
    assert len(agent.ask("events", count=10)["events"]) == 10


def test_a_drain_that_ends_by_itself(agent, ctl):
    text = ctl("drain", "--for", "4s", "--reason", "new card")
    assert "by itself after 4 s" in text
    wait_state(agent, "hold")
    status = agent.status()
    assert status["decision"]["hold_until"] - status["ts"] <= 4000
    wait_state(agent, "normal", "recover")
    assert "hold_until" not in decision(agent)
    over = [one for one in agent.ask("events")["events"] if one["kind"] == "hold-over"]
    assert [one["text"] for one in over] == ["drain (new card) ended by itself: its time is over"]
    assert not (agent.run_dir / "hold").exists() and (agent.run_dir / "undrain").exists()
    assert "ready" in agent.agent_check()


def test_its_end_is_shown_and_can_be_changed(agent, ctl):
    ctl("drain", "--for", "1h")
    wait_state(agent, "hold")
    assert re.search(r"hold until +\S+ \S+ \(in (59 min|1 h)", ctl("status"))
    ctl("drain", "--reason", "for good")
    wait_until(lambda: "hold_until" not in decision(agent), what="a hold without end")
    assert decision(agent)["state"] == "hold" and "hold until" not in ctl("status")
    ctl("ready")
    wait_state(agent, "normal", "recover")


def test_the_end_survives_a_restart(agent, ctl):
    ctl("drain", "--for", "1h", "--reason", "new card")
    wait_state(agent, "hold")
    until = decision(agent)["hold_until"]
    agent.kill()
    agent.start()
    assert decision(agent)["state"] == "hold" and "new card" in decision(agent)["reason"]
    assert abs(decision(agent)["hold_until"] - until) < 2000
    # Over while the agent was away: balancers that were told "drain" hear "ready".
    ctl("drain", "--for", "1s")
    agent.kill()
    end = time.monotonic() + 1
    wait_until(lambda: time.monotonic() > end, what="the end of the drain")
    agent.start()
    wait_state(agent, "normal", "recover")
    assert not (agent.run_dir / "hold").exists()


@pytest.mark.parametrize(
    "line",
    [
        "until 5 00000000-0000-0000-0000-000000000000",  # another boot
        "until 99999999999999999999 BOOT",  # no number
        "until 9223372036854775807 BOOT",  # later than any drain may end
        "until 5BOOT",
        "until 5 BOOTx",
        "until -5 BOOT",
        "5 BOOT",
    ],
)
def test_an_end_that_makes_no_sense(agent, line):
    """The hold itself stands: a Pi that was taken out of traffic does not come back by accident."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    assert agent.term() == 0
    text = f"new card\n{line.replace('BOOT', boot)}\n"
    (agent.run_dir / "hold").write_text(text, encoding="ascii")
    agent.start()
    answer = decision(agent)
    assert (answer["state"], answer["reason"]) == ("hold", "operator: new card")
    assert "hold_until" not in answer


def test_balancers_in_the_status(agent):
    """Once for all notifiers, with the word that each was told last."""

    def asked():
        agent.agent_check(send=b"lb1/pool\n")
        return {one["name"]: one for one in agent.status()["balancers"]}

    wait_until(lambda: "lb1/pool" in asked(), what="the balancer")
    assert asked()["lb1/pool"]["by"] == "haproxy" and "told" not in asked()["lb1/pool"]
    agent.ask("drain")
    wait_until(lambda: asked()["lb1/pool"].get("told") == "drain", what="the word drain")
    agent.ask("ready")
    wait_until(lambda: asked()["lb1/pool"].get("told") == "ready", what="the word ready")
