# SPDX-License-Identifier: MIT
"""dashboard/node-red/flow.json: it hangs together, and its functions do what they say under plain
node with what the boards of tests/roots say. `make check-node-red` runs it in Node-RED."""

import json
import subprocess

import goldens
import harness
import pytest

NODES = json.loads((harness.REPO / "dashboard" / "node-red" / "flow.json").read_text("utf-8"))
CORE = {"tab", "tls-config", "mqtt-broker", "mqtt in", "function", "debug", "inject", "http in"}
CORE |= {"switch", "http response", "rbe"}
NOW = 1_800_000_000_000  # any time


def test_the_flow_hangs_together():
    by_id = {node["id"]: node for node in NODES}
    assert len(by_id) == len(NODES)
    assert {node["type"] for node in NODES} <= CORE
    fed = set()
    for node in NODES:
        for wires in node.get("wires", []):
            assert set(wires) <= set(by_id), node["id"]
            fed.update(wires)
        if node["type"] == "function":
            assert len(node["wires"]) == node["outputs"]
        if node["type"] == "mqtt in":
            assert by_id[node["broker"]]["type"] == "mqtt-broker" and node["qos"] == "1"
            assert node["topic"] == f"hostingpi/+/{node['name']}"
            # The retained ones may be emptied, which is no JSON.
            kinds = {"availability": "utf8", "weight": "auto-detect"}
            assert node["datatype"] == kinds.get(node["name"], "json")
    sources = {node["id"] for node in NODES if node["type"] in ("mqtt in", "inject", "http in")}
    placed = {node["id"] for node in NODES if "wires" in node}
    assert placed == sources | fed  # nothing stands alone
    assert by_id["hp-broker"]["tls"] == "hp-tls" and not by_id["hp-broker"]["cleansession"]


def run(*steps):
    """What each (node, message[, milliseconds since NOW]) returned; none may warn."""
    results = run_raw(*steps)
    assert [step["warnings"] for step in results] == [[] for _ in steps]
    return [step["result"] for step in results]


def run_raw(*steps):
    node = harness.program("node")
    if node is None:
        pytest.skip("no node here: the functions of the flow were not run")
    said = [
        {"node": f"hp-{name}", "msg": msg, "now": NOW + (rest[0] if rest else 0)}
        for name, msg, *rest in steps
    ]
    done = subprocess.run(
        [node, str(harness.REPO / "tests" / "lab" / "function_node.js")],
        input=json.dumps({"flow": NODES, "steps": said}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sample(ts=NOW, seq=1, **groups):
    lb = {"state": "normal", "reason": "ok", "since": NOW - 1000}
    return {"ts": ts, "seq": seq, "lb": lb, "unknown": {}, **groups}


def message(leaf, payload, pi="pi-a", **more):
    return {"topic": f"hostingpi/{pi}/{leaf}", "payload": payload, **more}


def test_each_sample_once():
    first, late = sample(), sample(ts=NOW - 5000, seq=9)
    results = run(
        ("once", message("state", first)),
        ("once", message("history", first)),
        ("once", message("history", late)),
        ("once", message("history", late)),
        ("once", message("state", first, pi="pi-b")),
        ("once", message("state", {**first, "seq": 2})),
        ("once", message("state", {**first, "ts": NOW + 1})),
        ("fleet", message("availability", "online")),
        ("table", {}),
    )
    kinds = [result and [out is not None for out in result] for result in results[:7]]
    live, old, gone = [True, True], [True, False], None
    assert kinds == [live, gone, old, gone, live, live, live]
    assert results[2][0]["pi"] == "pi-a"
    assert results[8][0]["payload"][0]["samples"] == {"live": 3, "late": 1, "repeated": 2}


def test_no_sample_is_said_and_dropped():
    for payload in (None, "", 5, {}, {"ts": "x", "seq": 1}):
        (step,) = run_raw(("once", message("state", payload)))
        assert step["result"] is None and "no sample" in step["warnings"][0]


def troubles(*samples):
    steps = [("trouble", message("state", one, pi="pi-a") | {"pi": "pi-a"}) for one in samples]
    return [result["trouble"] for result in run(*steps)]


BAD = {
    "hard for 61 s: swap": {"lb": {"state": "hard", "since": NOW - 61000, "reason": "swap"}},
    "blind for 90 s: stale": {"lb": {"state": "blind", "since": NOW - 90000, "reason": "stale"}},
    "swaps in 12 s": {"mem": {"time_to_swap_s": 12.3}},
    "card failing: 3 write errors": {"sd": {"health": "failing", "health_reason": "3 write errors"}},
    "root file system is read-only": {"fs": {"read_only": True}},
    "supply voltage is low": {"soc": {"undervoltage": True}},
}
GOOD = [
    {"lb": {"state": "hard", "since": NOW - 59000, "reason": "swap"}},
    {"lb": {"state": "hold", "since": NOW - 90000, "reason": "operator"}},
    {"mem": {"time_to_swap_s": 600}, "sd": {"health": "worn"}, "soc": {"undervoltage": False}},
    {"mem": {}, "sd": {}, "fs": {}, "soc": {}, "self": {}},
]


def test_trouble():
    assert troubles(*(sample(**groups) for groups in BAD.values())) == [[text] for text in BAD]
    assert troubles(*(sample(**groups) for groups in GOOD)) == [[] for _ in GOOD]


def test_lost_messages_are_told_for_ten_minutes():
    told = troubles(
        sample(self={"ring_dropped": 7}),  # of before this flow was started
        sample(NOW + 1000, self={"ring_dropped": 9}),
        sample(NOW + 2000),
        sample(NOW + 600000, self={"ring_dropped": 9}),
        sample(NOW + 602000, self={"ring_dropped": 9}),
        sample(NOW + 603000, self={"ring_dropped": 0}),  # another life of the agent
        sample(NOW + 604000, self={"ring_dropped": 1}),
    )
    assert [len(one) for one in told] == [0, 1, 1, 1, 0, 0, 1]
    assert told[1] == ["messages were lost on the Pi, 9 since its start"]


def test_boards_of_the_fixtures():
    """What the documents of real boards make of it: these three have trouble, no other."""
    lacking = {"ts": NOW, "seq": 1}
    found = {}
    for board in goldens.BOARDS:
        text = (goldens.ROOTS / board / "golden-once.json").read_text(encoding="utf-8")
        document = {**json.loads(text), **lacking}
        document["lb"]["since"] = NOW - 90000
        (found[board],) = troubles(document)
    assert found.pop("pi3b") == ["supply voltage is low"]
    assert any(text.startswith("card dead") for text in found.pop("pi3b-pulled"))
    assert [text.split(":")[0] for text in found.pop("pi3bplus")] == ["card failing"]
    assert [board for board, trouble in found.items() if trouble] == []


def test_fleet_table():
    decision = {"state": "shed", "weight": 60, "maxconn": 4, "reason": "memory"}
    reading = sample(soc={"temp_c": 61.2}, mem={"headroom_bytes": 5})
    results = run(
        ("fleet", message("availability", "online")),
        ("fleet", message("weight", decision)),
        ("fleet", message("event", {"text": "something"})),
        ("fleet", message("state", reading, trouble=["hot"]), 1000),
        ("fleet", message("availability", "offline", pi="pi-b")),
        ("table", {}, 2000),
        ("table", {}, 62000),
        ("fleet", message("availability", "", pi="pi-b")),
        ("fleet", message("weight", "", pi="pi-b")),
        ("table", {}, 63000),
    )
    table, alert = results[5]
    assert [row["pi"] for row in table["payload"]] == ["pi-a", "pi-b"]
    first, second = table["payload"]
    assert first == decision | {
        "pi": "pi-a",
        "availability": "online",
        "trouble": ["hot"],
        "temp_c": 61.2,
        "headroom_bytes": 5,
        "quiet_s": 1,
        "event": "something",
    }
    assert second["trouble"] == ["availability is offline"] and "temp_c" not in second
    assert alert["payload"] == "pi-a: hot\npi-b: availability is offline"
    assert results[6][0]["payload"][0]["trouble"] == ["no sample for 61 s"]
    assert [row["pi"] for row in results[9][0]["payload"]] == ["pi-a"]  # forgotten
