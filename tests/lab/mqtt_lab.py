# SPDX-License-Identifier: MIT
"""What the tests of the MQTT notifier have in common."""

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
