# SPDX-License-Identifier: MIT
"""dashboard/schema against what the boards of tests/roots and a live agent say, and against lies."""

import copy
import json

import goldens
import harness
import pytest
from mqtt_lab import TOPIC, is_topic, mqtt_config

jsonschema = pytest.importorskip("jsonschema")

FOLDER = harness.REPO / "dashboard" / "schema"
KINDS = ("state", "event", "weight", "about")


def load(kind):
    schema = json.loads((FOLDER / f"{kind}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


VALIDATORS = {kind: load(kind) for kind in KINDS}


def check(kind, document):
    errors = [f"{list(e.path)}: {e.message}" for e in VALIDATORS[kind].iter_errors(document)]
    assert errors == []


def refused(kind, document):
    assert not VALIDATORS[kind].is_valid(document), document


def fields(document):
    """GROUP.FIELD of a sample: what it has and what it does not know."""
    groups = {name: value for name, value in document.items() if isinstance(value, dict)}
    unknown = groups.pop("unknown")
    return {f"{name}.{field}" for name, group in groups.items() for field in group} | {*unknown}


def named():
    """GROUP.FIELD that the schema names."""
    groups = VALIDATORS["state"].schema["properties"]
    return {f"{g}.{f}" for g, group in groups.items() for f in group.get("properties", ())}


@pytest.fixture(name="boards", scope="module")
def documents_of_the_boards():
    jobs = [(board, "--once", "--json") for board in goldens.BOARDS]
    return {job[0]: json.loads(output) for job, (output, _) in goldens.run_all(jobs).items()}


@pytest.fixture(name="live")
def live_documents(mosquitto, start_agent):
    """{kind: documents} of an agent that is drained meanwhile."""
    sub = mosquitto.subscriber()
    agent = start_agent(mqtt_config(mosquitto.port))
    sub.wait_for(is_topic("state"))
    agent.ask("drain")
    sub.wait_for(is_topic("event", "hold"))
    sub.wait_for(is_topic("weight", '"drain":true'))
    sub.wait_for(is_topic("state", '"hold"'))
    return {
        kind: [json.loads(text) for _, topic, text in sub.messages if topic == TOPIC + kind]
        for kind in KINDS
    }


def test_boards(boards):
    """What their golden files are made from."""
    assert set(boards) == set(goldens.BOARDS)
    for document in boards.values():
        check("state", document)


def test_live(live):
    for kind, documents in live.items():
        assert documents, kind
        for document in documents:
            check(kind, document)


def test_every_field_is_named(boards, live):
    """Both ways: a new reading needs its line here, and one that went takes it along."""
    told = set().union(*(fields(document) for document in boards.values()))
    told |= set().union(*(fields(document) for document in live["state"]))
    assert told == named(), "two lines in dashboard/schema/state.schema.json for each reading"


def test_every_field_is_either_known_or_unknown():
    """A number for what is listed as unknown is refused, for each field by its own line."""
    base = {"ts": 1, "seq": 1, "interval_ms": 1000}
    examples = {"integer": 1, "number": 1.5, "boolean": True, "string": "x"}
    for name in named():
        group, field = name.split(".")
        rule = VALIDATORS["state"].schema["properties"][group]["properties"][field]
        value = rule["enum"][0] if "enum" in rule else examples[rule["type"]]
        check("state", {**base, group: {field: value}, "unknown": {}})
        check("state", {**base, group: {}, "unknown": {name: "a reason"}})
        refused("state", {**base, group: {field: value}, "unknown": {name: "a reason"}})
        wrong = [None, {}, [], 1 if isinstance(value, str) else "x"]
        if rule.get("minimum") is not None:
            wrong.append(rule["minimum"] - 1)
        for lie in wrong:
            refused("state", {**base, group: {field: lie}, "unknown": {}})


def change(document, path, value):
    """A copy with another value at a path; without it if the value is `del`."""
    copied = copy.deepcopy(document)
    *folders, last = path.split("/")
    place = copied
    for name in folders:
        place = place[name]
    if value == "del":
        del place[last]
    else:
        place[last] = value
    return copied


LIES = {
    "state": [("ts", "now"), ("ts", 1.5), ("seq", 0), ("unknown", "del"), ("mem", 5)]
    + [("unknown/mem.time_to_swap_s", 0), ("unknown/x", ""), ("lb/weight", 0), ("lb/state", "?")]
    + [("mem/total_bytes", "1"), ("mem/new_field", None), ("new_group", 1)],
    "event": [("severity", "fatal"), ("kind", "Two words"), ("weight", "5"), ("text", "del")]
    + [("id", 0), ("ts", None), ("weight", 0.5)],
    "weight": [("weight", 0), ("weight", 101), ("maxconn", 0), ("drain", 1), ("since", "del")]
    + [("headroom_bytes", None), ("time_to_swap_s", -1), ("state", "ok")],
    "about": [("id", "a/b"), ("started", "x"), ("version", None), ("libraries", "del")]
    + [("serial_hash", "secret"), ("model", 4)],
}


def test_lies_are_refused(live):
    for kind, lies in LIES.items():
        for path, value in lies:
            refused(kind, change(live[kind][-1], path, value))


def test_what_a_later_version_adds_passes(live):
    check("state", change(live["state"][-1], "mem/new_field", 5))
    check("state", change(live["state"][-1], "new_group", {"new_field": "x"}))
    check("weight", change(live["weight"][-1], "new_field", 5))
    check("event", change(live["event"][-1], "new_field", 5))
