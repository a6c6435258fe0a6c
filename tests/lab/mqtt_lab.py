# SPDX-License-Identifier: MIT
"""What the tests of the MQTT notifier have in common."""

import json
import os
import pathlib
import tempfile

import harness

TOPIC = "hostingpi/lab/"


def mqtt_config(port, host="::1", **keys):
    return {"mqtt": {"host": host, "port": port, "reconnect_max": "1s", **keys}}


def is_topic(leaf, text=""):
    return lambda topic, payload: topic == TOPIC + leaf and text in payload


def mqtt_status(agent):
    return agent.status()["notifiers"]["mqtt"]


def wait_connected(agent, connected=True):
    harness.wait_until(
        lambda: mqtt_status(agent)["connected"] is connected, what=f"connected: {connected}"
    )


def wait_log(process, text, count=1, timeout=harness.DEADLINE_S):
    def said():
        return process.log.read_text(errors="replace").count(text) >= count

    harness.wait_until(said, timeout, what=f'"{text}" in the log of {process.name}')


def wait_seq(agent, more):
    """Waits for so many samples from now on."""
    first = agent.status()["seq"]
    harness.wait_until(lambda: agent.status()["seq"] >= first + more, 120, what="more samples")


def wait_told(agent):
    harness.wait_until(
        lambda: mqtt_status(agent)["connected"] and mqtt_status(agent)["waiting"] == 0,
        60,
        what="everything to be told",
    )


def has_tmpfs():
    shm = pathlib.Path("/dev/shm")
    return shm.is_dir() and os.access(shm, os.W_OK)


class TmpfsAgent(harness.Agent):
    """One whose run_dir is in a tmpfs, so that what waits outlives the process."""

    def __init__(self, scratch, config, name="agent", **keys):
        super().__init__(scratch, config, name, **keys)
        self.folder = tempfile.TemporaryDirectory(prefix="hostingpi-", dir="/dev/shm")
        self.run_dir = pathlib.Path(self.folder.name)
        self.configure({"agent": {"run_dir": self.run_dir}})

    def close(self):
        super().close()
        if not self.alive():
            self.run_dir.mkdir(exist_ok=True)

    def remove(self):
        self.close()
        self.folder.cleanup()


def samples(*subscribers):
    """[(leaf, document)] of state and history in the order in which they came."""
    found = []
    for sub in subscribers:
        for _, topic, payload in list(sub.messages):
            leaf = topic.rsplit("/", 1)[1]
            if leaf in ("state", "history"):
                found.append((leaf, json.loads(payload)))
    return found


def unique(found):
    """The documents, one for each ts: what was told twice is the same sample."""
    return {document["ts"]: document for _, document in found}.values()


def missing(found):
    """What is not there between the first and the last sample: [(before, after)], by ts. A new life
    of the agent counts from 1 again; its first sample must be there."""
    ordered = sorted((document["ts"], document["seq"]) for document in unique(found))
    gaps = []
    for (ts, seq), (next_ts, next_seq) in zip(ordered, ordered[1:]):
        if next_seq not in (seq + 1, 1):
            gaps.append(((ts, seq), (next_ts, next_seq)))
    return gaps


def events(*subscribers):
    return [
        json.loads(payload)
        for sub in subscribers
        for _, topic, payload in list(sub.messages)
        if topic == TOPIC + "event"
    ]
