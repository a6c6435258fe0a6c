# SPDX-License-Identifier: MIT
"""The check of what goes to Home Assistant finds what is broken: one broken document for each rule."""

import copy
import json

import pytest

pytest.importorskip("jinja2", reason="python3-jinja2 is not installed (make deps-test)")

import ha_schema  # noqa: E402
import ha_state  # noqa: E402

TOPIC = "homeassistant/device/web1/config"
GOOD = {
    "device": {"identifiers": ["x_web1"], "name": "web1", "model": "board"},
    "origin": {"name": "x", "sw_version": "1", "support_url": "https://x.example"},
    "availability": [{"topic": "x/web1/availability"}],
    "availability_mode": "all",
    "state_topic": "x/web1/state",
    "qos": 1,
    "components": {
        "temp": {
            "platform": "sensor",
            "unique_id": "x_web1_temp",
            "name": "Temperature",
            "value_template": "{{ value_json.get('temp') }}",
            "device_class": "temperature",
            "state_class": "measurement",
            "unit_of_measurement": "°C",
            "suggested_display_precision": 1,
            "expire_after": 10,
            "entity_category": "diagnostic",
            "enabled_by_default": False,
        },
        "word": {
            "platform": "sensor",
            "unique_id": "x_web1_word",
            "name": "Word",
            "device_class": "enum",
            "options": ["a", "b"],
        },
        "low": {
            "platform": "binary_sensor",
            "unique_id": "x_web1_low",
            "name": "Low",
            "device_class": "problem",
            "payload_on": "True",
            "payload_off": "False",
        },
        "event": {
            "platform": "event",
            "unique_id": "x_web1_event",
            "name": "Event",
            "state_topic": "x/web1/event",
            "event_types": ["info"],
        },
    },
}
MISSING = object()

# Where, what stands there instead (MISSING: nothing), and what the complaint must say.
BROKEN = [
    ("device", MISSING, "device: is missing"),
    ("device/identifiers", MISSING, "needs identifiers"),
    ("device/identifiers", [], "needs identifiers"),
    ("device/identifiers", [7], "needs identifiers"),
    ("device/name", MISSING, "device: needs a name"),
    ("device/model", 5, "model is no text"),
    ("device/firmware", "1", "unknown members ['firmware']"),
    ("device/configuration_url", "web1.example", "configuration_url"),
    ("origin", MISSING, "origin: is missing"),
    ("origin/name", MISSING, "origin: needs a name"),
    ("origin/url", "https://x.example", "unknown members ['url']"),
    ("origin/support_url", "x.example", "support_url"),
    ("origin/sw_version", None, "sw_version is no text"),
    ("expire_after", 10, "document: unknown members ['expire_after']"),
    ("availability", "x/web1/availability", "availability is no list"),
    ("availability", [{}], "availability has no topic"),
    ("availability", [{"topic": "x", "payload_on": "1"}], "unknown members ['payload_on']"),
    ("availability_mode", "none", "availability_mode"),
    ("state_topic", "x/#", "state_topic is no topic"),
    ("state_topic", "", "state_topic is no topic"),
    ("state_topic", MISSING, "temp: needs a state_topic"),
    ("qos", 3, "qos is 0, 1 or 2"),
    ("qos", True, "qos is 0, 1 or 2"),
    ("components", MISSING, "components: are missing"),
    ("components", {}, "components: are missing"),
    ("components/a.b", {"platform": "sensor"}, "is no object id"),
    ("components/temp/platform", MISSING, "platform None"),
    ("components/temp/platform", "gauge", "platform gauge"),
    ("components/temp/unique_id", MISSING, "needs a unique_id"),
    ("components/temp/unique_id", "x_web1_word", "has the unique_id of temp"),
    ("components/temp/name", MISSING, "temp: needs a name"),
    ("components/temp/name", "Word", "has the name of temp"),
    ("components/low/name", "Word", "has the name of word"),
    ("components/temp/name", "Web1 temperature", "name of the device"),
    ("components/temp/event_types", ["a"], "unknown members ['event_types']"),
    ("components/temp/value_template", "{{ value_json.", "value_template: "),
    ("components/temp/value_template", 1, "value_template is no text"),
    ("components/temp/device_class", "heat", "device_class heat"),
    ("components/temp/unit_of_measurement", MISSING, "unit None does not go with temperature"),
    ("components/temp/unit_of_measurement", "C", "unit C does not go with temperature"),
    ("components/temp/unit_of_measurement", "", "unit_of_measurement is empty"),
    ("components/temp/unit_of_measurement", "\u00b5s", "micro sign"),
    ("components/temp/state_class", "total_increasing", "does not go with temperature"),
    ("components/temp/state_class", "counter", "state_class counter"),
    ("components/temp/options", ["a"], "options for a number"),
    ("components/temp/suggested_display_precision", "1", "suggested_display_precision"),
    ("components/temp/expire_after", 0, "expire_after is no number"),
    ("components/temp/expire_after", "10", "expire_after is no number"),
    ("components/temp/entity_category", "config", "entity_category config"),
    ("components/temp/enabled_by_default", 0, "enabled_by_default is true or false"),
    ("components/word/state_class", "measurement", "enum cannot have ['state_class']"),
    ("components/word/unit_of_measurement", "B", "enum cannot have ['unit_of_measurement']"),
    ("components/word/suggested_display_precision", 0, "enum cannot have"),
    ("components/word/options", [], "options is no list of words"),
    ("components/word/options", ["a", 1], "options is no list of words"),
    ("components/word/device_class", MISSING, "options need device_class enum"),
    ("components/low/device_class", "temperature", "device_class temperature"),
    ("components/low/state_class", "measurement", "unknown members ['state_class']"),
    ("components/low/payload_on", True, "payload_on and payload_off are texts"),
    ("components/low/payload_on", "False", "payload_on and payload_off are the same"),
    ("components/event/event_types", MISSING, "event_types is no list of words"),
    ("components/event/event_types", [], "event_types is no list of words"),
    ("components/event/device_class", "problem", "no device_class of events fits"),
    ("components/event/expire_after", 10, "unknown members ['expire_after']"),
]


def broken(path, value):
    document = copy.deepcopy(GOOD)
    *folders, name = path.split("/")
    block = document
    for folder in folders:
        block = block[folder]
    if value is MISSING:
        del block[name]
    else:
        block[name] = value
    return document


def complaints(document, topic=TOPIC):
    text = document if isinstance(document, str) else json.dumps(document)
    return ha_schema.check([(topic, text)])[0]


def single(key):
    """A component on its own, as the older form has it."""
    own = dict(GOOD["components"][key])
    platform = own.pop("platform")
    shared = {name: GOOD[name] for name in set(GOOD) - {"components"}}
    return f"homeassistant/{platform}/web1/{key}/config", shared | own


def test_a_good_document_passes():
    assert complaints(GOOD) == []


@pytest.mark.parametrize("key", sorted(GOOD["components"]))
def test_a_good_component_passes(key):
    topic, document = single(key)
    assert complaints(document, topic) == []


@pytest.mark.parametrize(("path", "value", "complaint"), BROKEN)
def test_a_broken_document_is_caught(path, value, complaint):
    found = complaints(broken(path, value))
    assert [text for text in found if complaint in text], found


@pytest.mark.parametrize(
    ("topic", "complaint"),
    [
        ("homeassistant/device/web 1/config", "is no topic of discovery"),
        ("homeassistant/device/web.1/config", "is no topic of discovery"),
        ("homeassistant/device/config", "is no topic of discovery"),
        ("other/device/web1/config", "is no topic of discovery"),
        ("homeassistant/gauge/web1/config", "platform gauge"),
    ],
)
def test_a_broken_topic_is_caught(topic, complaint):
    found = complaints(GOOD, topic)
    assert [text for text in found if complaint in text], found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no JSON"),
        ("{'a': 1}", "no JSON"),
        ("[]", "no JSON object"),
        ('{"qos": 1, "qos": 1}', "members twice: ['qos']"),
    ],
)
def test_what_is_no_document_is_caught(text, complaint):
    found = complaints(text)
    assert [each for each in found if complaint in each], found


@pytest.mark.parametrize("block", ["device", "origin", "unique_id", "name", "state_topic"])
def test_a_component_that_does_not_stand_alone_is_caught(block):
    topic, document = single("temp")
    del document[block]
    assert len(complaints(document, topic)) >= 1


def test_a_component_that_older_versions_refuse_is_caught():
    topic, document = single("temp")
    document["device"] = {**document["device"], "serial_number": "1"}
    assert complaints(document, topic) == ["temp: serial_number for old ones"]
    assert complaints(broken("device/serial_number", "1")) == []


NUMBER = GOOD["components"]["temp"]
WORD = GOOD["components"]["word"]
LOW = GOOD["components"]["low"]
EVENT = GOOD["components"]["event"]
TEXT = {"value_template": "{{ value_json.text }}"}
TIME = {"device_class": "timestamp"}


@pytest.mark.parametrize(
    ("platform", "entity", "payload", "reason"),
    [
        # What is not defined, as most templates on the web meet it.
        ("sensor", {"value_template": "{{ value_json.a }}"}, "{}", "template"),
        ("sensor", {"value_template": "{{ value_json.a.b }}"}, "{}", "template"),
        ("sensor", {"value_template": "{{ 1 if value_json.a else 2 }}"}, "{}", "template"),
        ("sensor", {"value_template": "{{ value_json.a * 2 }}"}, '{"a": null}', "template"),
        ("sensor", {"value_template": "{{ value_json.a | float }}"}, "no json", "template"),
        ("sensor", {"value_template": "{% if false %}{% endif %}"}, "{}", "nothing is rendered"),
        ("sensor", NUMBER, '{"temp": "warm"}', "no number"),
        ("sensor", NUMBER, '{"temp": "nan"}', "no number"),
        ("sensor", WORD, "c", "is not among the options"),
        ("sensor", TEXT, json.dumps({"text": "x" * 256}), "longer than 255"),
        ("sensor", TIME, "now", "no time"),
        ("sensor", TIME, "2026-11-01 10:00:00", "no time zone"),
        ("binary_sensor", LOW, "true", "neither on nor off"),
        ("event", EVENT, "info", "no event"),
        ("event", EVENT, '{"severity": "info"}', "no event"),
        ("event", EVENT, '{"event_type": "panic"}', "event of type"),
    ],
)
def test_a_state_that_would_be_refused_is_caught(platform, entity, payload, reason):
    with pytest.raises(ha_state.Refused, match=reason):
        ha_state.state(platform, entity, payload)


@pytest.mark.parametrize(
    ("platform", "entity", "payload", "expected"),
    [
        ("sensor", NUMBER, '{"temp": 61.5}', 61.5),
        ("sensor", NUMBER, '{"temp": 0}', 0),
        ("sensor", NUMBER, "{}", ha_state.UNKNOWN),
        ("sensor", WORD, "b", "b"),
        ("sensor", TEXT, json.dumps({"text": "x" * 255}), "x" * 255),
        ("binary_sensor", LOW, "False", False),
        ("binary_sensor", LOW, "None", ha_state.UNKNOWN),
        ("event", EVENT, '{"event_type": "info", "id": 1}', ("info", {"id": 1})),
    ],
)
def test_a_state_is_what_home_assistant_would_show(platform, entity, payload, expected):
    assert ha_state.state(platform, entity, payload) == expected
