# SPDX-License-Identifier: MIT
"""From a line of the kernel to what balancers and dashboards hear, by the real agent."""

import json
import os
import signal
import subprocess

import pytest

from harness import Agent, Mosquitto, Scratch, wait_until
from kmsg import BOOT_ID, KmsgPipe, make_root
from mqtt_lab import TOPIC, mqtt_config, wait_connected

WRITE_ERROR = "I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2"
READ_ERROR = "I/O error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2"


class Pi:
    """An agent, its kernel log and the numbers of its records."""

    def __init__(self, scratch, config):
        root = make_root(scratch, "root")
        self.log = KmsgPipe(root)
        self.agent = Agent(
            scratch, {"requests": {"source": "none"}, **config}, options=("--root", root)
        )
        self.number = 100
        self.said = []
        self.begin()

    def begin(self):
        self.agent.start()
        self.log.open()

    def say(self, *texts):
        for text in texts:
            self.said.append((self.number, text))
            self.log.say(self.number, text)
            self.number += 1

    def restart(self, *meanwhile, end="term"):
        """The agent ends and starts; texts are said while it is away."""
        getattr(self.agent, end)()
        self.log.close()
        for text in meanwhile:
            self.said.append((self.number, text))
            self.number += 1
        self.begin()
        # The device has its history as a whole: the agent must not see a part of it.
        os.kill(self.agent.pid, signal.SIGSTOP)
        for number, text in self.said:
            self.log.say(number, text)
        os.kill(self.agent.pid, signal.SIGCONT)

    def value(self, group, name):
        return self.agent.status()["state"].get(group, {}).get(name)

    def wait_for(self, group, name, value):
        wait_until(
            lambda: self.value(group, name) == value,
            what=f"{group}.{name} to be {value}, it is {self.value(group, name)}",
        )


@pytest.fixture(name="scratch")
def a_scratch():
    scratch = Scratch()
    yield scratch
    scratch.close()


def test_swap_read_error_is_the_hard_level_at_once(scratch):
    broker = Mosquitto(scratch).start()
    events = broker.subscriber(TOPIC + "event")
    pi = Pi(scratch, mqtt_config(broker.port))
    wait_connected(pi.agent)
    assert pi.agent.agent_check().startswith("up 100%")

    pi.say(READ_ERROR, "Read-error on swap-device (179:0:3344640)")
    events.wait_for(lambda _, text: json.loads(text)["kind"] == "swap-read-error", what="the event")
    wait_until(lambda: pi.agent.agent_check().startswith("up 1% maxconn:1 "), what="the hard level")
    kinds = [json.loads(text)["kind"] for _, topic, text in events.messages]
    assert kinds.index("sd-read-error") < kinds.index("swap-read-error")
    pi.wait_for("swap", "read_errors", 1)
    assert pi.value("sd", "read_errors") == 1


def test_a_broken_stick_is_not_our_card(scratch):
    broker = Mosquitto(scratch).start()
    events = broker.subscriber(TOPIC + "event")
    pi = Pi(scratch, mqtt_config(broker.port))
    wait_connected(pi.agent)
    pi.say("I/O error, dev sda, sector 8 op 0x1:(WRITE) flags 0x0 phys_seg 1 prio class 2")
    pi.say("Aborting journal on device sda1-8.", "mmc1: card 0001 removed", WRITE_ERROR)
    pi.wait_for("sd", "write_errors", 1)
    events.wait_for(
        lambda _, text: json.loads(text)["kind"] == "disk-fs-journal-abort" and "sda" in text,
        what="the stick's incident",
    )
    assert pi.agent.agent_check().startswith("up 100%")
    assert pi.agent.status()["decision"]["state"] == "normal"


@pytest.mark.parametrize("end", ["term", "kill"])
def test_restart_counts_nothing_twice(scratch, end):
    pi = Pi(scratch, {})
    pi.say(WRITE_ERROR, WRITE_ERROR, "usb 1-1: reset")
    pi.wait_for("sd", "write_errors", 2)
    wait_until(
        lambda: (pi.agent.run_dir / "kernel_log").read_text().endswith(f" {pi.number:020}\n"),
        what="the position to be kept",
    )
    pi.restart(WRITE_ERROR, end=end)
    pi.wait_for("sd", "write_errors", 1)
    pi.say(WRITE_ERROR)
    pi.wait_for("sd", "write_errors", 2)
    assert pi.value("self", "kernel_log_lost") == 0


def test_records_that_are_missing_are_told(scratch):
    pi = Pi(scratch, {})
    pi.say("usb 1-1: reset")
    pi.number += 1000
    pi.say(WRITE_ERROR)
    pi.wait_for("self", "kernel_log_lost", 1000)
    wait_until(
        lambda: "kernel-log-lost: Kernel log not read: 1000 records" in pi.agent.tail(),
        what="a word about it",
    )


def test_a_look_leaves_the_position_alone(scratch):
    pi = Pi(scratch, {})
    pi.say(WRITE_ERROR)
    pi.wait_for("sd", "write_errors", 1)
    pi.agent.term()
    position = pi.agent.run_dir / "kernel_log"
    before = position.read_text()
    assert before == f"{BOOT_ID} {pi.number:020}\n"

    argv = [str(word) for word in [*pi.agent.argv(), "--once", "--json"]]
    look = subprocess.Popen(argv, stdout=subprocess.PIPE)
    # A broken pipe: it has not opened it yet.
    wait_until(lambda: pi.say(WRITE_ERROR) or True, what="--once to listen")
    assert json.loads(look.communicate()[0])["sd"]["write_errors"] == 1
    assert position.read_text() == before
