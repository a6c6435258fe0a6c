# SPDX-License-Identifier: MIT
"""The MQTT notifier against a real broker: birth, news, will, goodbye, and ways to lose it."""

import json
import os
import signal
import subprocess
import time

import harness
import pytest
from mqtt_lab import (
    TOPIC,
    is_topic,
    missing,
    mqtt_config,
    mqtt_status,
    samples,
    wait_connected,
    wait_log,
    wait_seq,
    wait_told,
)


@pytest.mark.parametrize("family", harness.families())
def test_birth_and_state(mosquitto, start_agent, family):
    sub = mosquitto.subscriber()
    agent = start_agent(mqtt_config(mosquitto.port, harness.LOOPBACK[family]))
    sub.wait_for(is_topic("state", '"seq":3,'))
    leaves = [topic.rsplit("/", 1)[1] for _, topic, _ in sub.messages]
    assert leaves[0] == "availability"
    documents = {}
    for _, topic, payload in sub.messages:
        documents.setdefault(topic.rsplit("/", 1)[1], payload)
    assert documents["availability"] == "online"
    state, weight, about, event = (
        json.loads(documents[leaf]) for leaf in ("state", "weight", "about", "event")
    )
    assert state["mem"]["total_bytes"] > 0 and state["interval_ms"] > 0
    assert abs(state["ts"] / 1000 - time.time()) < 600
    assert 1 <= weight["weight"] <= 100 and weight["maxconn"] >= 1
    assert about["id"] == "lab" and "libmosquitto" in about["libraries"]
    assert event["id"] == 1 and event["severity"]
    broker_log = mosquitto.log.read_text()
    for leaf, flags in {
        "availability": "q1, r1",
        "about": "q1, r1",
        "weight": "q1, r1",
        "state": "r0",  # one in ten seconds with QoS 1
        "event": "q1, r0",
    }.items():
        received = [
            line
            for line in broker_log.splitlines()
            if "Received PUBLISH from hostingpi-lab" in line and f"'{TOPIC}{leaf}'" in line
        ]
        assert received and all(f"{flags}," in line for line in received), leaf
    # Who comes late finds availability, about and weight, and nothing else.
    late = mosquitto.subscriber()
    late.wait_for(is_topic("weight"))
    retained = {topic for _, topic, _ in late.messages if not topic.endswith("state")}
    assert retained == {TOPIC + leaf for leaf in ("availability", "about", "weight")}
    status = mqtt_status(agent)
    assert status["connected"] and status["address"].endswith(f":{mosquitto.port}")
    assert status["published"] >= status["acknowledged"] >= 4
    assert status["last_error"] is None


def test_event_and_weight_follow_a_change(mosquitto, start_agent):
    sub = mosquitto.subscriber()
    agent = start_agent(mqtt_config(mosquitto.port))
    sub.wait_for(is_topic("weight", '"drain":false'))
    agent.ask("drain")
    sub.wait_for(is_topic("weight", '"drain":true'))
    event = json.loads(sub.wait_for(is_topic("event", "hold"))[2])
    assert event["kind"] == "state" and event["id"] >= 1
    agent.ask("ready")
    sub.wait_for(is_topic("weight", '"drain":false'), since=sub.count() - 1)


def test_broker_killed_and_restarted(mosquitto, start_agent):
    agent = start_agent(mqtt_config(mosquitto.port, host="localhost"))
    wait_connected(agent)
    sub = mosquitto.subscriber()
    sub.wait_for(is_topic("state"))
    assert mosquitto.kill() == -signal.SIGKILL
    wait_connected(agent, False)
    assert mqtt_status(agent)["last_error"]
    agent.ask("drain")  # happens while nobody listens
    harness.wait_until(lambda: mqtt_status(agent)["events_waiting"] >= 1)
    harness.wait_until(lambda: mqtt_status(agent)["samples_waiting"] >= 2)
    restarted_ms = time.time() * 1000
    agent.stop()  # so that the subscriber is there first
    mosquitto.start()  # keeps nothing of its first life
    sub = mosquitto.subscriber()
    agent.cont()
    event = json.loads(sub.wait_for(is_topic("event", "hold"))[2])
    sub.wait_for(is_topic("history"))
    leaves = [topic.rsplit("/", 1)[1] for _, topic, _ in sub.messages]
    order = ("availability", "weight", "event", "about", "state", "history")
    firsts = [leaves.index(leaf) for leaf in order]
    assert firsts == sorted(firsts)
    assert sub.messages[0][2] == "online"
    assert event["ts"] <= restarted_ms  # it kept its own time
    late = mosquitto.subscriber()
    for leaf, text in {"availability": "online", "about": "lab", "weight": '"drain":true'}.items():
        late.wait_for(is_topic(leaf, text))
    assert mqtt_status(agent)["connections"] >= 2
    wait_log(agent, "works again")
    assert agent.tail().count("broker closed the connection") == 1


def test_agent_killed_the_broker_says_offline(mosquitto, start_agent):
    agent = start_agent(mqtt_config(mosquitto.port))
    wait_connected(agent)
    sub = mosquitto.subscriber()
    sub.wait_for(is_topic("availability", "online"))
    assert agent.kill() == -signal.SIGKILL
    sub.wait_for(is_topic("availability", "offline"))
    mosquitto.subscriber().wait_for(is_topic("availability", "offline"))  # retained
    assert "Received DISCONNECT from hostingpi-lab" not in mosquitto.log.read_text()


def test_agent_stopped_says_offline_itself(mosquitto, start_agent):
    agent = start_agent(mqtt_config(mosquitto.port))
    wait_connected(agent)
    sub = mosquitto.subscriber()
    sub.wait_for(is_topic("availability", "online"))
    assert agent.term() == 0
    sub.wait_for(is_topic("availability", "offline"))
    wait_log(mosquitto, "Received DISCONNECT from hostingpi-lab")
    received = [
        line
        for line in mosquitto.log.read_text().splitlines()
        if "Received PUBLISH from hostingpi-lab" in line and "availability" in line
    ]
    assert len(received) == 2  # online and offline, both from the agent
    mosquitto.subscriber().wait_for(is_topic("availability", "offline"))


def test_new_prefix_after_reload(mosquitto, start_agent):
    agent = start_agent(mqtt_config(mosquitto.port))
    sub = mosquitto.subscriber("#")
    sub.wait_for(is_topic("state"))
    agent.configure({"mqtt": {"prefix": "other/place"}})
    agent.reload()
    sub.wait_for(lambda topic, text: (topic, text) == ("other/place/lab/availability", "online"))
    sub.wait_for(lambda topic, text: topic == "other/place/lab/weight")
    sub.wait_for(is_topic("availability", "offline"))
    agent.configure({"mqtt": {"host": ""}})
    agent.reload()
    harness.wait_until(lambda: mqtt_status(agent)["configured"] is False)
    sub.wait_for(lambda topic, text: (topic, text) == ("other/place/lab/availability", "offline"))


def test_broker_hangs_and_comes_back(mosquitto, start_agent):
    agent = start_agent(mqtt_config(mosquitto.port, keepalive="60s"))
    sub = mosquitto.subscriber()
    sub.wait_for(is_topic("state"))
    memory = agent.memory_bytes()
    mosquitto.stop()
    first = agent.status()["seq"]
    harness.wait_until(lambda: agent.status()["seq"] >= first + 12, 60)  # 12 s at 1 Hz
    assert agent.agent_check().startswith("up ")
    assert agent.memory_bytes() < memory + 2**20
    before = sub.count()
    mosquitto.cont()
    sub.wait_for(is_topic("state", f'"seq":{first + 12},'), since=before)
    status = mqtt_status(agent)
    assert status["connected"] and status["connections"] == 1


def test_broker_hangs_longer_than_keepalive(mosquitto, start_agent):
    """What the kernel took and nobody acknowledged is told again, and the rest as well."""
    config = {**mqtt_config(mosquitto.port, keepalive="5s"), "agent": {"interval": "250ms"}}
    agent = start_agent(config)
    sub = mosquitto.subscriber()
    sub.wait_for(is_topic("state"))
    mosquitto.stop()
    wait_log(agent, "the broker does not answer any more", timeout=60)
    wait_log(agent, "no MQTT greeting within 10 s", timeout=60)
    assert agent.agent_check().startswith("up ")
    agent.ask("drain")
    before = sub.count()
    mosquitto.cont()
    sub.wait_for(is_topic("availability", "online"), since=before)
    sub.wait_for(is_topic("event", "hold"), since=before)
    sub.wait_for(is_topic("history"), since=before)
    wait_told(agent)
    wait_seq(agent, 2)
    assert not missing(samples(sub))
    status = mqtt_status(agent)
    assert status["samples_thinned"] == status["events_dropped"] == 0


SECRET = "not-for-the-log"


@pytest.fixture
def login(scratch, start_mosquitto):
    """A broker with a password; gives a function that starts an agent with this password."""
    users = scratch.file("users", "")
    users.chmod(0o600)
    command = [harness.program("mosquitto_passwd"), "-b", str(users), "pi", SECRET]
    subprocess.run(command, check=True, timeout=30)
    broker = start_mosquitto(["allow_anonymous false", f"password_file {users}"])

    def make(password, mode=0o600):
        text = f"username = pi\npassword = {password}\n"
        secret = scratch.file("secret", text)
        secret.chmod(mode)
        make.secret = secret
        keys = {"credential_file": secret}
        return harness.Agent(scratch, mqtt_config(broker.port, **keys), options=["-l", "debug"])

    make.broker = broker
    return make


def test_wrong_and_right_password(login):
    agent = login("wrong-" + SECRET).start()
    wait_log(agent, "refuses the login")
    wait_log(login.broker, "not authorised", 3)  # it tried again
    assert agent.tail(100000).count("warning: mqtt:") == 1
    assert "look at credential_file" in mqtt_status(agent)["last_error"]
    assert not mqtt_status(agent)["connected"]
    assert SECRET not in json.dumps(agent.status())
    agent.term()
    agent = login(SECRET).start()
    wait_connected(agent)
    assert SECRET not in json.dumps(agent.status())
    assert SECRET not in agent.log.read_text()


def test_credential_file_open_to_others(login):
    """The guard works all the same, and the file is read again without a restart."""
    agent = login(SECRET, mode=0o640).start()
    wait_log(agent, "run: chmod 600 ")
    assert agent.agent_check().startswith("up ")
    assert "run: chmod 600 " in mqtt_status(agent)["last_error"]
    login.secret.chmod(0o600)
    wait_connected(agent)
    assert agent.tail(100000).count("warning: mqtt:") == 1
    assert SECRET not in json.dumps(agent.status())
    assert SECRET not in agent.log.read_text()


def test_password_corrected_without_restart(login):
    agent = login("wrong-" + SECRET).start()
    wait_log(agent, "refuses the login")
    login.secret.write_text(f"username = pi\npassword = {SECRET}\n", encoding="ascii")
    wait_connected(agent)
    assert SECRET not in agent.log.read_text()


def test_reload_hands_the_session_over(mosquitto, start_agent):
    """The old thread ends in its own time, under the same name at the broker as the new one."""
    agent = start_agent(mqtt_config(mosquitto.port))
    for seconds in range(40, 45):
        wait_connected(agent)
        agent.configure({"mqtt": {"keepalive": f"{seconds}s"}})
        agent.reload()
        wait_log(mosquitto, f"as hostingpi-lab (p2, c1, k{seconds}")
    wait_connected(agent)
    first = agent.status()["seq"]
    harness.wait_until(lambda: agent.status()["seq"] >= first + 2)
    mosquitto.subscriber().wait_for(is_topic("availability", "online"))  # retained
    assert mqtt_status(agent)["connections"] == 1
    harness.wait_until(lambda: len(os.listdir(f"/proc/{agent.pid}/task")) == 2, what="two threads")
