# SPDX-License-Identifier: MIT
"""dashboard/mosquitto: the ACL and the listeners, with two Pis, a dashboard and Home Assistant."""

import harness
import pytest
from brokers import Broker
from mqtt_lab import mqtt_config, wait_connected, wait_log

USERS = {name: f"secret of {name}" for name in "pi-a pi-b dashboard homeassistant ops site1".split()}
END = "hostingpi/pi-a/event"  # a message that arrives: what was sent before it did or did not


@pytest.fixture(name="broker")
def ops_broker(scratch):
    return Broker(scratch, "ops", USERS).start()


def subscribed(broker, user, *topics):
    """A subscriber that is there for certain: it has seen a message of pi-a."""
    sub = broker.subscriber_as(user, END, *topics)

    def arrived():
        broker.publish_as("pi-a", END, "begin")
        return sub.count()

    harness.wait_until(arrived, what=f"a message for {user}")
    return sub


def seen(broker, sub):
    """The topics that came, once a last message came."""
    broker.publish_as("pi-a", END, "end")
    sub.wait_for(lambda topic, text: (topic, text) == (END, "end"))
    return {topic for _, topic, _ in sub.messages} - {END}


OWN = [
    "hostingpi/{}/state",
    "hostingpi/{}/availability",
    "homeassistant/device/{}/config",
    "homeassistant/sensor/{}/mem_headroom_bytes/config",
]


def test_a_pi_writes_its_own_and_nothing_else(broker):
    sub = subscribed(broker, "homeassistant", "hostingpi/#", "homeassistant/#")
    for leaf in OWN:
        broker.publish_as("pi-a", leaf.format("pi-a"), "right", "-r")
        broker.publish_as("pi-a", leaf.format("pi-b"), "wrong", "-r")
        broker.publish_as("pi-b", leaf.format("pi-b"), "right", "-r")
        broker.publish_as("pi-b", leaf.format("pi-a"), "wrong", "-r")
    for topic in ("homeassistant/status", "hostingpi", "bridge/site1/state", "other"):
        broker.publish_as("pi-b", topic, "wrong")
    # Nor through a will, nor with the client id of the other one.
    will = ["--will-topic", OWN[1].format("pi-a"), "--will-payload", "wrong", "--will-retain"]
    broker.publish_as("pi-b", OWN[0].format("pi-b"), "right", *will)
    broker.publish_as("pi-b", OWN[0].format("pi-a"), "wrong", "-i", "hostingpi-pi-a")
    assert seen(broker, sub) == {leaf.format(pi) for leaf in OWN for pi in ("pi-a", "pi-b")}
    assert not [line for line in sub.lines if line.endswith(" wrong")]


def test_a_pi_reads_its_own_and_the_status_of_home_assistant(broker):
    sub = subscribed(broker, "pi-a", "#")
    broker.publish_as("homeassistant", "homeassistant/status", "online")
    broker.publish_as("pi-b", "hostingpi/pi-b/state", "not for pi-a")
    broker.publish_as("pi-a", "hostingpi/pi-a/state", "for pi-a")
    assert seen(broker, sub) == {"homeassistant/status", "hostingpi/pi-a/state"}


def test_dashboards_only_read(broker):
    sub = subscribed(broker, "homeassistant", "hostingpi/#", "homeassistant/#")
    for user in ("dashboard", "homeassistant"):
        for pi in ("pi-a", user):
            broker.publish_as(user, f"hostingpi/{pi}/weight", "wrong", "-r")
    for leaf in OWN:
        broker.publish_as("dashboard", leaf.format("dashboard"), "wrong", "-r")
    broker.publish_as("dashboard", "homeassistant/status", "wrong")
    broker.publish_as("homeassistant", "homeassistant/device/pi-a/config", "")  # it may remove
    assert seen(broker, sub) <= {"homeassistant/device/pi-a/config"}
    sub = subscribed(broker, "dashboard", "#")
    broker.publish_as("pi-b", "hostingpi/pi-b/state", "for all")
    broker.publish_as("site1", "bridge/site1/state", "1")
    assert seen(broker, sub) == {"hostingpi/pi-b/state", "bridge/site1/state"}


def test_ops_may_remove_what_is_kept_of_a_pi(broker):
    for leaf in OWN:
        broker.publish_as("pi-a", leaf.format("pi-a"), "kept", "-r")
    for leaf in OWN:
        broker.publish_as("ops", leaf.format("pi-a"), "", "-r")
    broker.publish_as("pi-b", "hostingpi/pi-b/weight", "kept", "-r")
    late = broker.subscriber_as("ops", "hostingpi/#", "homeassistant/#")
    late.wait_for(lambda topic, _: topic == "hostingpi/pi-b/weight")
    assert [topic for _, topic, _ in late.messages] == ["hostingpi/pi-b/weight"]


def test_nobody_without_a_password(broker):
    assert broker.publish_as("pi-a", END, "right") == 0
    broker.users = {**broker.users, "pi-a": "wrong"}
    assert broker.publish_as("pi-a", END, "wrong") != 0


@pytest.mark.parametrize("family", harness.families())
def test_agent_over_tls(broker, start_agent, family):
    """The agent as pi-a; its user's name is its id. With another id it is connected and unheard."""
    keys = {"ca_file": broker.ca, "credential_file": broker.credentials("pi-a")}
    config = mqtt_config(broker.tls_port, harness.LOOPBACK[family], **keys)
    sub = broker.subscriber_as("dashboard", "hostingpi/#")
    agent = start_agent({"agent": {"id": "pi-a"}, **config})
    for leaf in ("availability", "weight", "about", "state", "event"):
        sub.wait_for(lambda topic, _, leaf=leaf: topic == f"hostingpi/pi-a/{leaf}")
    agent.term()
    sub.wait_for(lambda topic, text: (topic, text) == ("hostingpi/pi-a/availability", "offline"))
    agent.configure({"agent": {"id": "pi-c"}})
    agent.start()
    wait_connected(agent)
    wait_log(broker, "Denied PUBLISH from hostingpi-pi-c")
    assert not [line for line in sub.lines if "hostingpi/pi-c" in line]
