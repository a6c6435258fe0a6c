# SPDX-License-Identifier: MIT
"""The card and the root file system of a fake Pi 4: from a number in sysfs to the broker."""

import json
import shutil

import pytest

from harness import REPO, wait_until

CARD = "devices/platform/emmc2bus/fe340000.mmc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0"
EXT4 = "sys/fs/ext4/mmcblk0p2"


class Pi4:
    """A tree whose files are rewritten in place, as the agent's open descriptors need it."""

    def __init__(self, path):
        self.path = path
        shutil.copytree(REPO / "tests" / "roots" / "pi4", path, symlinks=True, dirs_exist_ok=True)
        self.mount("rw")
        link = path / "sys/dev/block/179:2"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../{CARD}/mmcblk0p2")
        self.put("proc/uptime", "100000.00 300000.00\n")
        self.put("sys/block/mmcblk0/stat", "10 0 80 90 1000 5 8000 4000 0 100 4090\n")
        for name, value in {"type": "SD", "name": "SL32G", "manfid": "0x000003"}.items():
            self.put(f"sys/block/mmcblk0/device/{name}", value + "\n")
        self.put("sys/block/mmcblk0/device/date", "03/2021\n")
        self.put(f"{EXT4}/errors_count", "0\n")
        self.put(f"{EXT4}/warning_count", "0\n")
        self.put(f"{EXT4}/lifetime_write_kbytes", "52285849\n")
        self.put(f"{EXT4}/last_error_time", "0\n")

    def put(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")

    def mount(self, options):
        self.put(
            "proc/self/mountinfo",
            f"27 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root {options}\n",
        )


@pytest.fixture(name="pi4")
def a_pi4(scratch):
    return Pi4(scratch.path / "root")


def test_a_file_system_dies(pi4, start_agent, mosquitto):
    sub = mosquitto.subscriber("hostingpi/lab/event")
    broker = {"mqtt": {"host": "127.0.0.1", "port": mosquitto.port}}
    agent = start_agent(broker, options=("--root", pi4.path))

    def state(group):
        return agent.status()["state"].get(group, {})

    def event(kind, since=0):
        message = sub.wait_for(
            lambda _, text: json.loads(text)["kind"] == kind, since=since, what=kind
        )
        return json.loads(message[2])

    wait_until(lambda: state("sd").get("health") == "good", what="health good")
    assert state("sd")["card"] == "SD SL32G 0x03 03/2021"
    assert state("sd")["written_day_bytes"] == pytest.approx(8000 * 512 * 0.864, rel=0.01)
    assert state("fs")["lifetime_written_bytes"] == 52285849 * 1024
    assert state("fs")["read_only"] is False
    assert agent.status()["decision"]["state"] == "normal"

    pi4.put(f"{EXT4}/first_error_func", "ext4_journal_check_start\n")
    pi4.put(f"{EXT4}/errors_count", "2\n")
    errors = event("fs-error-count")
    assert errors["severity"] == "critical" and errors["new"] == 2
    assert "first in ext4_journal_check_start" in errors["text"]
    health = event("sd-health")
    assert health["text"] == "good -> failing: file system errors: 2, the last just now"

    seen = sub.count()
    pi4.mount("rw,emergency_ro")
    assert "stopped it after an error" in event("fs-read-only")["text"]
    assert event("sd-health", seen)["text"].startswith("failing -> dead: ")
    wait_until(lambda: agent.status()["decision"]["state"] == "hard", what="the hard level")
    assert agent.agent_check().startswith("up 1% maxconn:1 ")

    pi4.mount("rw")
    event("fs-read-only-end")
    wait_until(lambda: state("sd").get("health") == "failing", what="health failing")
    wait_until(lambda: agent.status()["decision"]["state"] != "hard", what="the end of it")
