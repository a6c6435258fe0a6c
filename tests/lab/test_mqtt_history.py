# SPDX-License-Identifier: MIT
"""While the broker is away: nothing is lost, whatever happens to broker and agent meanwhile."""

import signal

import harness
import pytest
from mqtt_lab import (
    TmpfsAgent,
    events,
    has_tmpfs,
    is_topic,
    missing,
    mqtt_config,
    mqtt_status,
    samples,
    unique,
    wait_connected,
    wait_log,
    wait_seq,
    wait_told,
)

FAST = {"agent": {"interval": "250ms"}}


@pytest.fixture
def tmpfs_agent(scratch):
    """Gives a function that makes an agent with run_dir in a tmpfs."""
    if not has_tmpfs():
        pytest.skip("no tmpfs at /dev/shm")
    made = []

    def make(config, **keys):
        made.append(TmpfsAgent(scratch, config, **keys))
        return made[-1]

    yield make
    for agent in made:
        agent.remove()


def test_the_file_is_cut_short(mosquitto, tmpfs_agent):
    """By an operator's `truncate`, or a hook: the agent goes on, and says what became of it."""
    agent = tmpfs_agent({**mqtt_config(mosquitto.port), **FAST}).start()
    wait_connected(agent)
    wait_seq(agent, 5)
    assert mosquitto.kill() == -signal.SIGKILL
    wait_connected(agent, False)
    wait_seq(agent, 5)
    (agent.run_dir / "mqtt-ring").write_bytes(b"")
    wait_log(agent, "mqtt-ring was cut short by another process: what waited is lost")
    assert mqtt_status(agent)["ring"] == "mqtt-ring was cut short by another process"
    wait_seq(agent, 5)
    agent.ask("drain")
    harness.wait_until(lambda: mqtt_status(agent)["events_waiting"] == 1, what="an event to wait")
    assert mqtt_status(agent)["samples_waiting"] >= 1  # what comes after it is kept
    mosquitto.start()
    wait_told(agent)
    assert mqtt_status(agent)["events_waiting"] == 0
    assert agent.term() == 0
    assert agent.start() and mqtt_status(agent)["ring"] == "file"


def test_broker_killed_agent_killed_and_reloaded(mosquitto, tmpfs_agent):
    """An outage with everything in it; after it all samples of all lives and all events are there."""
    agent = tmpfs_agent({**mqtt_config(mosquitto.port), **FAST}).start()
    wait_connected(agent)
    before = mosquitto.subscriber()
    before.wait_for(is_topic("state"))
    wait_seq(agent, 5)
    assert mqtt_status(agent)["ring"] == "file"
    assert mosquitto.kill() == -signal.SIGKILL
    wait_connected(agent, False)
    agent.ask("drain")
    wait_seq(agent, 10)
    agent.configure({"mqtt": {"keepalive": "40s"}})
    agent.reload()  # closes the module and opens it again
    wait_log(agent, "1 module opened anew")
    wait_seq(agent, 5)
    status = mqtt_status(agent)
    assert status["samples_waiting"] >= 15 and status["events_waiting"] >= 1
    first_life = agent.status()["seq"]
    assert agent.kill() == -signal.SIGKILL
    agent.start()
    wait_log(agent, "wait from before", 2)
    wait_seq(agent, 5)
    second_life = agent.status()["seq"]
    assert agent.term() == 0
    agent.start()
    wait_seq(agent, 5)
    waited = mqtt_status(agent)["samples_waiting"]
    agent.stop()  # so that the subscriber is there first
    mosquitto.start()
    after = mosquitto.subscriber()
    agent.cont()
    wait_connected(agent)
    wait_told(agent)
    wait_seq(agent, 2)
    found = samples(before, after)
    assert not missing(found)
    lives = [seq for _, seq in sorted((one["ts"], one["seq"]) for one in unique(found))]
    ends = [seq for seq, following in zip(lives, lives[1:]) if following == 1]
    assert len(ends) == 2 and ends[0] >= first_life and ends[1] >= second_life
    history = [document["ts"] for leaf, document in samples(after) if leaf == "history"]
    # The newest of those that waited goes out live.
    assert history == sorted(set(history)) and len(history) >= waited - 1
    # Live goes on meanwhile.
    leaves = [leaf for leaf, _ in samples(after)]
    last = len(leaves) - 1 - leaves[::-1].index("history")
    assert leaves[leaves.index("history") : last].count("state") >= 5
    assert any("hold" in str(event) for event in events(after))
    assert mqtt_status(agent)["history_sent"] >= waited


def test_hurry_at_the_end_and_nothing_twice(mosquitto, tmpfs_agent):
    """A stop with the broker there leaves nothing behind."""
    agent = tmpfs_agent({**mqtt_config(mosquitto.port), **FAST}).start()
    sub = mosquitto.subscriber()
    sub.wait_for(is_topic("state", '"seq":5,'))
    assert agent.term() == 0
    sub.wait_for(is_topic("availability", "offline"))
    agent.start()
    sub.wait_for(is_topic("state", '"seq":5,'), since=sub.count())
    assert "wait from before" not in agent.log.read_text()
    found = samples(sub)
    assert not missing(found) and len({document["ts"] for _, document in found}) == len(found)
