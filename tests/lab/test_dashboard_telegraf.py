# SPDX-License-Identifier: MIT
"""dashboard/telegraf/hostingpi.conf against real documents.

Telegraf itself is not in Debian and does not run here. What its documentation says of the formats
"json" and "value" and of topic_parsing is done by the few lines of points(): so a name in the file
that no document has, and a field that gets lost, are found.
"""

import fnmatch
import json
import tomllib

import goldens
import harness
import pytest
from mqtt_lab import TOPIC, is_topic, mqtt_config

FILE = harness.REPO / "dashboard" / "telegraf" / "hostingpi.conf"
with open(FILE, "rb") as opened:
    INPUTS = tomllib.load(opened)["inputs"]["mqtt_consumer"]
OPTIONS = set(
    "servers tls_ca username password client_id persistent_session qos topics topic_tag "
    "name_override data_format data_type json_time_key json_time_format json_string_fields "
    "tag_keys topic_parsing".split()
)


def matches(topic_filter, topic):
    levels, parts = topic_filter.split("/"), topic.split("/")
    return len(levels) == len(parts) and all(a in ("+", b) for a, b in zip(levels, parts))


def flat(value, name=""):
    """{name: value}: the names of nested objects are joined with "_"."""
    if not isinstance(value, dict):
        return {name: value}
    parts = (flat(inner, f"{name}_{key}" if name else key) for key, inner in value.items())
    return {key: inner for part in parts for key, inner in part.items()}


def parse(settings, payload):
    """(time, tags, fields) of one message."""
    if settings["data_format"] == "value":
        return None, {}, {"value": payload}
    document = json.loads(payload)
    tags = {key: str(document.pop(key)) for key in settings.get("tag_keys", ())}
    found = flat(document)
    time = found.pop(settings["json_time_key"])
    wanted = settings["json_string_fields"]
    fields = {
        name: float(value) if type(value) in (int, float) else value
        for name, value in found.items()
        if type(value) in (int, float) or any(fnmatch.fnmatch(name, glob) for glob in wanted)
    }
    return time, tags, fields


def points(topic, payload):
    """(measurement, tags, time, fields) of each input that gets this message."""
    for settings in INPUTS:
        if not any(matches(one, topic) for one in settings["topics"]):
            continue
        time, tags, fields = parse(settings, payload)
        if settings["topic_tag"]:
            tags[settings["topic_tag"]] = topic
        for rule in settings["topic_parsing"]:
            assert matches(rule["topic"], topic)
            names = rule["tags"].split("/")
            assert len(names) == len(topic.split("/"))
            tags |= {n: part for n, part in zip(names, topic.split("/")) if n != "_"}
        yield settings["name_override"], tags, time, fields


def point(topic, payload):
    (only,) = points(topic, payload)
    return only


@pytest.fixture(name="messages", scope="module")
def real_messages():
    """(topic, payload) of each board's sample, and of a live agent beside nginx."""
    scratch = harness.Scratch()
    try:
        broker = harness.Mosquitto(scratch).start()
        sub = broker.subscriber()
        web = harness.Nginx(scratch).start()
        requests = {"requests": {"source": "nginx", "url": web.status_url()}}
        agent = harness.Agent(scratch, mqtt_config(broker.port) | requests).start()
        sub.wait_for(is_topic("state", '"source":"nginx'))
        agent.ask("drain")
        sub.wait_for(is_topic("event", "hold"))
        sub.wait_for(is_topic("state", '"hold"'))
        found = [(topic, text) for _, topic, text in sub.messages]
    finally:
        scratch.close()
    jobs = [(board, "--once", "--json") for board in goldens.BOARDS]
    return found + [(TOPIC + "state", text) for text, _ in goldens.run_all(jobs).values()]


def of(messages, leaf):
    found = [payload for topic, payload in messages if topic == TOPIC + leaf]
    assert found, leaf
    return found


def test_options_are_documented_ones():
    for settings in INPUTS:
        assert set(settings) <= OPTIONS
        assert settings["servers"][0].startswith("ssl://") and settings["tls_ca"]
        assert settings["json_time_format" if "json_time_key" in settings else "data_type"]
    ids = [settings["client_id"] for settings in INPUTS]
    assert len(set(ids)) == len(ids)


def test_a_sample_keeps_its_time_and_what_is_known(messages):
    for payload in of(messages, "state"):
        document = json.loads(payload)
        name, tags, time, fields = point("hostingpi/pi-a/state", payload)
        assert (name, tags, time) == ("hostingpi", {"pi": "pi-a"}, document["ts"])
        unknown = document.pop("unknown")
        del document["ts"]
        known = flat(document)
        assert fields == {key: known[key] for key in known}  # each one, and not one more
        assert not {name.replace(".", "_") for name in unknown} & set(fields)


def test_names_in_the_file_are_in_the_documents(messages):
    samples, events = INPUTS[0], INPUTS[1]
    seen = {}
    for payload in of(messages, "state"):
        seen |= flat({k: v for k, v in json.loads(payload).items() if k != "unknown"})
    for glob in samples["json_string_fields"]:
        words = [n for n, v in seen.items() if isinstance(v, (str, bool))]
        assert fnmatch.filter(words, glob), glob
    for payload in of(messages, "event"):
        for key in [*events["tag_keys"], *events["json_string_fields"], events["json_time_key"]]:
            assert key in json.loads(payload)


def test_history_is_the_same_point_as_state(messages):
    payload = of(messages, "state")[0]
    assert point("hostingpi/pi-a/state", payload) == point("hostingpi/pi-a/history", payload)


def test_events_and_availability(messages):
    event = of(messages, "event")[-1]
    name, tags, time, fields = point("hostingpi/pi-a/event", event)
    assert name == "hostingpi_event" and time == json.loads(event)["ts"]
    assert tags == {"pi": "pi-a", "kind": "state", "severity": "info"}
    assert fields["text"] and fields["weight"] > 0 and fields["id"] >= 1
    name, tags, _, fields = point("hostingpi/pi-a/availability", of(messages, "availability")[0])
    assert (name, tags) == ("hostingpi_availability", {"pi": "pi-a"})
    assert fields == {"value": "online"}
    assert list(points("hostingpi/pi-a/about", "{}")) == []
