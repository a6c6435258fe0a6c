# SPDX-License-Identifier: MIT
"""What we announce to Home Assistant about each board is accepted, and so is what follows it."""

import datetime
import json
import subprocess

import pytest

pytest.importorskip("jinja2", reason="python3-jinja2 is not installed (make deps-test)")

import goldens  # noqa: E402
import ha_schema  # noqa: E402
import ha_state  # noqa: E402
from goldens import BOARDS, ROOTS  # noqa: E402
from harness import BUILD  # noqa: E402

MQTT_DISCOVERY_SIZE = 64 * 1024
RETAINED = ("availability", "weight")
# Those that Home Assistant shows unless told otherwise.
SHOWN = 27


def announced(board, interval_ms=1000):
    """{what: [(topic, document as text)]} of the lab's program."""
    done = subprocess.run(
        [BUILD / "lab" / "discovery", ROOTS / board, str(interval_ms)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = {}
    for line in done.stdout.splitlines():
        what, topic, text = line.split(" ", 2)
        found.setdefault(what, []).append((topic, text))
    return found


@pytest.fixture(name="boards", scope="module")
def all_boards():
    return {board: announced(board) for board in BOARDS}


@pytest.fixture(name="documents", scope="module")
def all_documents():
    """{board: what goes to the topic state}"""
    jobs = [(board, "--once", "--json") for board in BOARDS]
    return {job[0]: output for job, (output, _) in goldens.run_all(jobs).items()}


def entities_of(messages):
    complaints, entities = ha_schema.check(messages)
    assert complaints == []
    return entities


def own(block):
    """A component without what the two forms say in different ways."""
    return {name: block[name] for name in set(block) - ha_schema.AVAILABILITY} | {
        "availability": [entry["topic"] for entry in block.get("availability", [])],
        "device": {**block["device"], "serial_number": None},
    }


@pytest.mark.parametrize("board", BOARDS)
def test_both_forms_are_accepted_and_the_same(boards, board):
    device = entities_of(boards[board]["device"])
    assert {key: own(block) for key, block in device.items()} == {
        key: own(block) for key, block in entities_of(boards[board]["component"]).items()
    }
    topics = [topic for topic, _ in boards[board]["component"]]
    assert sorted(topics) == sorted(
        f"homeassistant/{platform}/lab/{key}/config" for platform, key in device
    )


@pytest.mark.parametrize("board", BOARDS)
def test_a_document_fits_with_room(boards, board):
    [(topic, text)] = boards[board]["device"]
    assert topic == "homeassistant/device/lab/config"
    assert len(text.encode()) < MQTT_DISCOVERY_SIZE // 2


def test_what_is_known_about_the_board(boards):
    [(_, text)] = boards["pi5"]["device"]
    device = json.loads(text)["device"]
    assert device["identifiers"] == ["hostingpi_lab"]
    assert device["manufacturer"] == "Raspberry Pi"
    assert device["model"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert len(device["serial_number"]) == 12
    [(_, text)] = boards["vm"]["device"]
    assert not {"manufacturer", "serial_number"} & set(json.loads(text)["device"])


def expected(platform, entity, value):
    """The state that a value of our document should become."""
    if platform == "binary_sensor" or not ha_schema.expects_number(entity):
        return value
    return pytest.approx(value * 100 if entity.get("unit_of_measurement") == "%" else value)


@pytest.mark.parametrize("board", BOARDS)
def test_each_reading_becomes_its_state(boards, documents, board):
    """Each field of the document is some entity's state; what is left out is unknown."""
    document = json.loads(documents[board])
    entities = entities_of(boards[board]["device"])
    seen = set()
    for (platform, key), entity in entities.items():
        if not entity["state_topic"].endswith("/state"):
            continue
        group, name = key.split("_", 1)
        state = ha_state.state(platform, entity, documents[board])
        if name in document[group]:
            assert state == expected(platform, entity, document[group][name]), key
            seen.add((group, name))
        else:
            assert state is ha_state.UNKNOWN and f"{group}.{name}" in document["unknown"], key
    groups = {key: value for key, value in document.items() if isinstance(value, dict)}
    told = {(group, name) for group in groups if group != "unknown" for name in groups[group]}
    # The decision has its own topic.
    decision = ("weight", "maxconn", "state", "reason", "since")
    assert told - seen == {("lb", name) for name in decision}
    assert len(seen) > 20


@pytest.mark.parametrize("ratio", [0, 1, 0.000001, 0.07, 0.123457])
def test_a_ratio_becomes_a_percentage(boards, ratio):
    entities = entities_of(boards["pi5"]["device"])
    payload = json.dumps({"mem": {"psi_some_ratio": ratio}, "sd": {"life_used_ratio": ratio}})
    for key in ("mem_psi_some_ratio", "sd_life_used_ratio"):
        percent = ha_state.state("sensor", entities["sensor", key], payload)
        assert percent == round(ratio * 100, 4)


@pytest.mark.parametrize("payload", ["{}", '{"ts": 1, "unknown": {}}'])
def test_without_its_group_a_reading_is_unknown(boards, payload):
    for (platform, key), entity in entities_of(boards["pi5"]["device"]).items():
        if entity["state_topic"].endswith(("/state", "/weight")):
            assert ha_state.state(platform, entity, payload) is ha_state.UNKNOWN, key


def test_the_decision(boards):
    entities = entities_of(boards["pi4"]["device"])
    assert len(boards["pi4"]["weight"]) == 6
    for topic, text in boards["pi4"]["weight"]:
        states = {
            key: ha_state.state(platform, entity, text)
            for (platform, key), entity in entities.items()
            if entity["state_topic"] == topic
        }
        decision = json.loads(text)
        since = states.pop("lb_since")
        assert since == datetime.datetime(2026, 10, 26, 7, 33, 20, 123000, datetime.timezone.utc)
        assert states == {key: decision[key.removeprefix("lb_")] for key in states}
        assert set(states) == {"lb_weight", "lb_maxconn", "lb_state", "lb_reason"}


def test_events(boards):
    entity = entities_of(boards["pi4"]["device"])["event", "event"]
    kinds = []
    for topic, text in boards["pi4"]["event"]:
        assert topic == entity["state_topic"]
        kind, attributes = ha_state.state("event", entity, text)
        assert attributes == json.loads(text)
        kinds.append(kind)
    assert kinds == entity["event_types"] == ["info", "warning", "critical"]


def test_whether_we_are_there(boards):
    """It must not become unavailable by what it tells."""
    entity = entities_of(boards["pi4"]["device"])["binary_sensor", "connection"]
    assert entity["availability"] == []
    assert ha_state.state("binary_sensor", entity, "online") is True
    assert ha_state.state("binary_sensor", entity, "offline") is False


def test_what_is_shown_and_what_expires(boards):
    entities = entities_of(boards["pi5"]["device"])
    shown = [key for key, entity in entities.items() if entity.get("enabled_by_default", True)]
    assert len(shown) == SHOWN
    for (_, key), entity in entities.items():
        leaf = entity["state_topic"].rsplit("/", 1)[1]
        assert ("expire_after" in entity) == (leaf == "state"), key
        assert leaf not in RETAINED or "expire_after" not in entity, key
        if key.startswith("self_"):
            assert entity["entity_category"] == "diagnostic", key


@pytest.mark.parametrize(("interval_ms", "expire_after"), [(250, 10), (4001, 13), (60000, 180)])
def test_three_samples_may_be_missed(interval_ms, expire_after):
    entities = entities_of(announced("pi4", interval_ms)["device"])
    found = {entity["expire_after"] for entity in entities.values() if "expire_after" in entity}
    assert found == {expire_after}
