# SPDX-License-Identifier: MIT
"""make check-node-red: dashboard/node-red/flow.json in a real Node-RED, with a real broker and agent.

Node-RED is not in Debian, so this is not part of the lab tests and fetches nothing: it takes the
node-red of $NODE_RED, else of the PATH, and says loudly that it was skipped where there is none. In
the flow only the broker's address is replaced; everything goes over IPv6.
"""

import json
import os
import sys
import urllib.request

import harness
from mqtt_lab import mqtt_config, wait_log

FLOW = harness.REPO / "dashboard" / "node-red" / "flow.json"
SETTINGS = """
module.exports = {
    uiHost: '::1', flowFile: 'flow.json', credentialSecret: false,
    telemetry: { enabled: false }, logging: { console: { level: 'info' } },
};
"""


class NodeRed(harness.Process):
    def __init__(self, scratch, program, broker_port):
        super().__init__(scratch, "node-red")
        self.program = program
        self.port = harness.free_port()
        nodes = json.loads(FLOW.read_text(encoding="utf-8"))
        for node in nodes:
            if node["type"] == "mqtt-broker":
                node.update(broker="::1", port=str(broker_port), usetls=False, tls="")
        scratch.file("node-red/flow.json", json.dumps(nodes))
        self.settings = scratch.file("node-red/settings.js", SETTINGS)

    def argv(self):
        folder = self.settings.parent
        return [self.program, "-s", self.settings, "-u", folder, "-p", self.port]

    def ready(self):
        return self.log.read_text(errors="replace").count("Connected to broker") >= 1

    def fleet(self):
        """{pi: row}"""
        url = f"http://[::1]:{self.port}/hostingpi/fleet"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.headers["content-type"].startswith("application/json")
            return {row["pi"]: row for row in json.load(answer)}


def count(row, kind):
    return row.get("samples", {}).get(kind, 0)


def wait_row(node_red, predicate, what, timeout=harness.DEADLINE_S):
    def look():
        row = node_red.fleet().get("lab")
        return row if row and predicate(row) else None

    return harness.wait_until(look, timeout, what=what, pause=0.2)


def check(scratch, program):
    broker = harness.Mosquitto(scratch).start()
    node_red = NodeRed(scratch, program, broker.port)
    node_red.spawn()
    harness.wait_until(node_red.ready, 60, what="Node-RED and its connection")
    sub = broker.subscriber("hostingpi/lab/state")
    agent = harness.Agent(scratch, mqtt_config(broker.port)).start()

    row = wait_row(node_red, lambda row: count(row, "live") >= 3, "three samples")
    assert row["availability"] == "online" and row["trouble"] == [], row
    assert row["state"] == "normal" and row["headroom_bytes"] > 0 and row["quiet_s"] < 60, row
    assert row["samples"]["late"] == row["samples"]["repeated"] == 0, row
    assert "temp_c" not in row or row["temp_c"] > 0  # never 0 because it is unknown

    told = json.loads(sub.messages[-1][2])
    broker.publish("hostingpi/lab/history", json.dumps(told), ["-q", "1"])
    older = {**told, "ts": told["ts"] - 5000, "lb": {"state": "hard", "since": 0}}
    broker.publish("hostingpi/lab/history", json.dumps(older), ["-q", "1"])
    row = wait_row(node_red, lambda row: count(row, "late"), "the late sample")
    assert row["samples"]["repeated"] == 1 and row["trouble"] == [], row

    agent.ask("drain")
    row = wait_row(node_red, lambda row: row.get("state") == "hold", "the operator's hold")
    wait_row(node_red, lambda row: "hold" in row.get("event", ""), "its event")

    broker.restart()  # keeps nothing: Node-RED connects anew, and so does the agent
    live = count(row, "live")
    wait_row(node_red, lambda row: count(row, "live") > live, "samples again", 60)

    agent.kill()
    wait_row(node_red, lambda row: row["trouble"] == ["availability is offline"], "its end")
    wait_log(node_red, "lab: availability is offline")  # "trouble changed", at the next ten seconds
    for topic in ("availability", "weight"):
        broker.publish(f"hostingpi/lab/{topic}", "", ["-r", "-q", "1"])
    harness.wait_until(lambda: node_red.fleet() == {}, what="a forgotten Pi")
    bad = [line for line in node_red.log.read_text().splitlines() if "[error]" in line]
    assert bad == [], bad


def main():
    program = harness.program(os.environ.get("NODE_RED") or "node-red")
    if program is None:
        print(
            "check-node-red: SKIPPED, there is no node-red in the PATH (it is an npm package;"
            " NODE_RED=PROGRAM names one elsewhere)"
        )
        return
    scratch = harness.Scratch()
    try:
        check(scratch, program)
    except (harness.LabError, AssertionError):
        for name, text in scratch.logs():
            print(f"--- last output: {name}\n{text[-1500:]}", file=sys.stderr)
        raise
    finally:
        scratch.close()
    print("check-node-red: 1 passed, 0 failed")


if __name__ == "__main__":
    main()
