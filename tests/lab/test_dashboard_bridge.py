# SPDX-License-Identifier: MIT
"""dashboard/mosquitto/bridge.conf: what a site's broker brings to the ops broker, over TLS and IPv6."""

import re

import harness
import pytest
from brokers import Broker
from mqtt_lab import mqtt_config

PI = "hostingpi/pi-a/"
BRIDGE = "bridge/site1/state"
TOPICS = ("hostingpi/#", "bridge/#", "homeassistant/#")


@pytest.fixture(name="pair")
def site_and_ops(scratch):
    """(the site's broker, the ops broker, a dashboard at the latter)"""
    names = "pi-a pi-b dashboard homeassistant site1".split()
    ops = Broker(scratch, "ops", {name: f"ops-{name}" for name in names}).start()
    site = Broker(scratch, "site", {name: f"site-{name}" for name in names[:3]}, ops)
    sub = ops.subscriber_as("homeassistant", *TOPICS)
    return site.start(), ops, sub


def start_agent(scratch, site):
    keys = {"ca_file": site.ca, "credential_file": site.credentials("pi-a")}
    config = {"agent": {"id": "pi-a"}, **mqtt_config(site.tls_port, "localhost", **keys)}
    return harness.Agent(scratch, config).start()


def wait_bridge(sub, word, since=0):
    sub.wait_for(lambda topic, text: (topic, text) == (BRIDGE, word), since=since)


def wait_leaf(sub, leaf, text="", since=0):
    return sub.wait_for(lambda t, payload: t == PI + leaf and text in payload, since=since)


def retained(ops, *expected):
    """{topic: text} of what somebody finds who comes late."""
    late = ops.subscriber_as("homeassistant", *TOPICS, options=["--retained-only"])
    for one in (BRIDGE, PI + "availability", PI + "weight", *expected):
        late.wait_for(lambda topic, _, one=one: topic == one)
    return {topic: text for _, topic, text in late.messages}


def queued(site, text):
    """A message of pi-b, with QoS 1, that the site's broker has."""
    assert site.publish_as("pi-b", "hostingpi/pi-b/history", text) == 0


def wait_queued(sub, text, since=0):
    wanted = ("hostingpi/pi-b/history", text)
    sub.wait_for(lambda topic, payload: (topic, payload) == wanted, since=since)


def test_everything_passes_and_nothing_else(scratch, pair):
    site, ops, sub = pair
    wait_bridge(sub, "1")
    agent = start_agent(scratch, site)
    for leaf in ("availability", "weight", "about", "state", "event"):
        wait_leaf(sub, leaf)
    queued(site, "1")
    wait_queued(sub, "1")
    for topic in ("homeassistant/device/pi-a/config", "homeassistant/sensor/pi-a/x/config"):
        site.publish_as("pi-a", topic, "{}", "-r")
        sub.wait_for(lambda seen, _, topic=topic: seen == topic)
    found = retained(ops, PI + "about", "homeassistant/device/pi-a/config")
    assert found[PI + "availability"] == "online" and found[BRIDGE] == "1"
    assert PI + "event" not in found and PI + "state" not in found
    # With the QoS that they were sent with, as far as the ops broker sees it. Some states have 1.
    lines = [line for line in ops.log.read_text().splitlines() if "bridge-site1 (d0, " in line]
    for leaf, flags in {"state": "q[01], r0", "event": "q1, r0", "history": "q1, r0"}.items():
        found = [line for line in lines if f"/{leaf}'" in line and "hostingpi/pi-" in line]
        assert found and all(re.search(f"d0, {flags}, ", line) for line in found), leaf
    # What Home Assistant says of itself comes to the site.
    own = site.subscriber_as("pi-a", "homeassistant/status")
    ops.publish_as("homeassistant", "homeassistant/status", "online", "-r")
    own.wait_for(lambda topic, text: (topic, text) == ("homeassistant/status", "online"))
    # The agent dies: its will passes as well.
    agent.kill()
    wait_leaf(sub, "availability", "offline")
    assert retained(ops)[PI + "availability"] == "offline"


def test_the_ops_broker_restarts(scratch, pair):
    """Events of the time between wait at the site's broker."""
    site, ops, sub = pair
    agent = start_agent(scratch, site)
    wait_bridge(sub, "1")
    wait_leaf(sub, "state")
    wait_leaf(sub, "event")
    ops.term()
    here = site.subscriber_as("dashboard", "hostingpi/#")
    wait_leaf(here, "weight")  # retained: it is there
    agent.ask("drain")
    wait_leaf(here, "event", "hold")
    for number in range(3):
        queued(site, f"while away {number}")
    ops.start()
    sub = ops.subscriber_as("homeassistant", *TOPICS)
    wait_bridge(sub, "1")
    wait_leaf(sub, "weight", '"drain":true')
    wait_leaf(sub, "state")
    # What waited may have arrived before this subscriber: the ops broker's log has it all.
    def received(topic):
        log = ops.log.read_text().splitlines()
        lines = [line for line in log if "Received PUBLISH from bridge-site1" in line]
        return sum(topic in line for line in lines)

    harness.wait_until(lambda: received("hostingpi/pi-b/history") >= 3, what="all that waited")
    assert received("hostingpi/pi-b/history") == 3
    harness.wait_until(lambda: received(f"'{PI}event'") >= 2, what="both events")


@pytest.mark.parametrize("how", ["term", "kill"])
def test_the_bridge_dies(scratch, pair, how):
    """Killed, it leaves the Pis "online" for those who ask the ops broker: the bridge is not."""
    site, ops, sub = pair
    agent = start_agent(scratch, site)
    wait_bridge(sub, "1")
    wait_leaf(sub, "availability", "online")
    wait_leaf(sub, "weight")
    mark = sub.count()
    getattr(site, how)()
    wait_bridge(sub, "0", since=mark)
    found = retained(ops)
    assert found[BRIDGE] == "0"
    assert found[PI + "availability"] == ("online" if how == "kill" else "offline")
    seq = agent.status()["seq"]
    harness.wait_until(lambda: agent.status()["seq"] >= seq + 3)
    mark = sub.count()
    site.start()
    wait_bridge(sub, "1", since=mark)
    wait_leaf(sub, "availability", "online", since=mark)
    wait_leaf(sub, "weight", since=mark)
    wait_leaf(sub, "state", since=mark)
    wait_leaf(sub, "history", f'"seq":{seq + 2},', since=mark)
    assert retained(ops)[BRIDGE] == "1"
    assert agent.alive()
