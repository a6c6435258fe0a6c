# SPDX-License-Identifier: MIT
"""A Pi boots with the time at which it was switched off, and the network sets its clock when the agent is at work."""

import json
import pathlib
import subprocess
import time

import pytest

from harness import Agent, Mosquitto, program, wait_until

HERE = pathlib.Path(__file__).resolve().parent
NIGHT_S = 8 * 3600


class Night:
    """An agent whose clock was NIGHT_S behind when it started."""

    def __init__(self, scratch):
        self.offset = scratch.file("offset", str(-NIGHT_S))
        library = scratch.path / "clock.so"
        subprocess.run(
            [program("cc"), "-shared", "-fPIC", "-o", library, HERE / "clock.c"], check=True, timeout=60
        )
        self.broker = Mosquitto(scratch).start()
        self.heard = self.broker.subscriber()
        self.agent = Agent(
            scratch,
            {"mqtt": {"host": "127.0.0.1", "port": self.broker.port}},
            wrapper=["env", f"LD_PRELOAD={library}", f"CLOCK_OFFSET={self.offset}"],
        ).start()

    def set_clock(self):
        pathlib.Path(self.offset).write_text("0", encoding="ascii")

    def since_s(self):
        """How far back the state began, by the real clock."""
        return time.time() - self.agent.status()["decision"]["since"] / 1000

    def wait_for(self, topic, member, since):
        """The next document there that says a time of this hour."""
        self.heard.wait_for(
            lambda at, text: at.endswith(f"/{topic}") and time.time() - json.loads(text)[member] / 1000 < 3600,
            since=since,
            what=f"{topic} with another {member}",
        )


@pytest.fixture(name="night")
def fixture_night(scratch):
    return Night(scratch)


def test_what_is_told_by_the_calendar_moves_with_the_clock(night):
    wait_until(lambda: night.since_s() > NIGHT_S, what="the first decision, with the wrong time")
    before = night.heard.count()
    night.set_clock()
    wait_until(lambda: night.since_s() < 3600, what="a state that began in this hour")
    night.wait_for("weight", "since", before)
    night.wait_for("about", "started", before)
