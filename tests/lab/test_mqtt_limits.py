# SPDX-License-Identifier: MIT
"""Brokers that do not take everything, two agents with one name, and Home Assistant."""

import json
import subprocess

import harness
import pytest
from mqtt_lab import is_topic, mqtt_config, mqtt_status, wait_connected, wait_log, wait_seq

WARNING = "warning: mqtt:"


def test_packets_larger_than_the_broker_takes(start_mosquitto, start_agent):
    """MQTT 3.1.1: it closes the connection. What is smaller gets through all the same."""
    broker = start_mosquitto(["max_packet_size 2000"])
    agent = start_agent(mqtt_config(broker.port))
    sub = broker.subscriber()
    wait_log(agent, "is sent for an hour", timeout=60)
    wait_connected(agent)
    connections = mqtt_status(agent)["connections"]
    agent.ask("drain")
    sub.wait_for(is_topic("event", "hold"))
    sub.wait_for(is_topic("weight", '"drain":true'))
    sub.wait_for(is_topic("about"))
    wait_seq(agent, 3)
    status = mqtt_status(agent)
    assert status["connected"] and status["connections"] == connections <= 3
    assert status["too_large"] >= 3 and status["samples_waiting"] >= 3
    assert status["samples_thinned"] == status["events_dropped"] == 0
    log = agent.log.read_text()
    assert log.count("for topic state: nothing of") == 1 and "max_packet_size" in log
    assert log.count(WARNING) <= 3
    # The operator raises the limit and says so.
    broker.config.write_text(broker.config.read_text().replace("2000", "200000"))
    broker.restart()
    agent.reload()
    late = broker.subscriber()
    late.wait_for(is_topic("state"), 60)
    late.wait_for(is_topic("history"), 60)


@pytest.mark.parametrize("limit", ["max_packet_size", "message_size_limit"])
def test_mqtt5_broker_says_its_limit(start_mosquitto, start_agent, limit):
    """Of message_size_limit mosquitto says only afterwards, with code 149; libmosquitto 2.0.21 takes that code for
    no MQTT and ends the connection, so there the limit is found as with 3.1.1."""
    broker = start_mosquitto([f"{limit} 2000"])
    agent = start_agent(mqtt_config(broker.port, protocol=5))
    sub = broker.subscriber()
    if limit == "max_packet_size":
        said = {"as large as ours": ("too_large", 1)}
    else:
        said = {
            "does not take messages for topic": ("refused", 1),
            "for topic state: nothing of": ("too_large", 3),
        }
    harness.wait_until(
        lambda: any(words in agent.log.read_text() for words in said), 60, what=list(said)
    )
    count, connections = next(said[words] for words in said if words in agent.log.read_text())
    wait_connected(agent)
    agent.ask("drain")
    sub.wait_for(is_topic("event", "hold"))
    wait_seq(agent, 3)
    status = mqtt_status(agent)
    assert status["connected"] and status["connections"] <= connections
    assert status[count] >= 1
    assert agent.log.read_text().count(WARNING) <= connections + 1


def test_large_message_where_home_assistant_speaks(mosquitto, start_agent, scratch):
    """Whoever may write there must not be able to silence us."""
    large = scratch.file("large", "x" * 500000)
    command = [harness.program("mosquitto_pub"), "-h", "::1", "-p", str(mosquitto.port)]
    command += ["-r", "-t", "homeassistant/status", "-f", str(large)]
    subprocess.run(command, check=True, timeout=20)
    agent = start_agent(mqtt_config(mosquitto.port))
    wait_log(agent, "nothing below homeassistant is subscribed to for an hour")
    sub = mosquitto.subscriber()
    sub.wait_for(is_topic("history"))
    wait_seq(agent, 3)
    assert mqtt_status(agent)["connections"] == 2
    # It is gone, and somebody says so.
    mosquitto.publish("homeassistant/status", "online", ["-r"])
    agent.reload()
    wait_seq(agent, 2)
    first = sub.count()
    mosquitto.publish("homeassistant/status", "online")
    sub.wait_for(is_topic("about"), since=first)
    assert mqtt_status(agent)["connections"] == 2
    assert agent.log.read_text().count(WARNING) <= 2


def test_two_agents_with_one_name(mosquitto, start_agent):
    """mosquitto 2.0 says it in no version; code 142 of MQTT 5 is in the unit tests."""
    config = mqtt_config(mosquitto.port)
    agents = [start_agent(config, name=name) for name in ("one", "two")]
    said = "again and again; if another client has the name hostingpi-lab"
    harness.wait_until(
        lambda: any(said in agent.log.read_text() for agent in agents), 60, what=said
    )
    assert all(agent.log.read_text().count(WARNING) <= 3 for agent in agents)
    other, thrown_out = sorted(agents, key=lambda agent: said in agent.log.read_text())
    other.term()
    wait_connected(thrown_out)
    sub = mosquitto.subscriber()
    wait_seq(thrown_out, 3)
    sub.wait_for(is_topic("state"))
    # Its own end of the connection is none of these.
    told = thrown_out.log.read_text().count("again and again")
    thrown_out.term()
    assert thrown_out.log.read_text().count("again and again") == told


def test_home_assistant_starts(mosquitto, start_agent):
    """Its birth message brings everything anew; another form takes the place of the first one."""
    agent = start_agent(mqtt_config(mosquitto.port))
    sub = mosquitto.subscriber("hostingpi/#", "homeassistant/#")
    device = "homeassistant/device/lab/config"
    document = json.loads(sub.wait_for(lambda topic, text: topic == device and text)[2])
    assert len(document["components" if "components" in document else "cmps"]) > 20
    first = sub.count()
    mosquitto.publish("homeassistant/status", "online")
    for leaf in ("availability", "about", "weight", "state"):
        sub.wait_for(is_topic(leaf), since=first)
    sub.wait_for(lambda topic, text: topic == device and text, since=first)
    agent.configure({"mqtt": {"discovery": "components"}})
    first = sub.count()
    agent.reload()
    emptied = (device, "(null)")  # as mosquitto_sub writes a message without text
    sub.wait_for(lambda *message: message == emptied, since=first)
    sub.wait_for(
        lambda topic, text: topic.startswith("homeassistant/sensor/lab/"),
        since=sub.lines.index(" ".join(emptied)),
    )
    assert mqtt_status(agent)["discovery"] == "components"
    # Who comes late sees one form only.
    late = mosquitto.subscriber("homeassistant/#")
    late.wait_for(lambda topic, text: topic.startswith("homeassistant/sensor/lab/"))
    assert not [topic for _, topic, _ in late.messages if topic == device]
