# SPDX-License-Identifier: MIT
"""What is posted about a card that fails: nothing while it does, and the news as soon as it is well again.

Theory of operation: a made-up Pi whose kernel log says that a request failed, and whose block counters are
those of a card that finishes requests. This takes a minute, because nothing is started for a minute.
"""

import os
import subprocess

import pytest
from harness import BUILD, wait_until
from kmsg import KmsgPipe
from test_post import SHM, make_poster, make_service

pytestmark = pytest.mark.skipif(not SHM.is_dir(), reason="needs a tmpfs in /dev/shm")
__all__ = ["make_poster", "make_service"]

FAULT = "I/O error, dev mmcblk0, sector {} op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2"
RECENT = "storage failed less than a minute ago"
INCIDENT = "good -> failing: failed requests: 1"


class Card:
    """The counters of mmcblk0 and the kernel's words about it."""

    def __init__(self, root):
        self.stat = root / "sys/block/mmcblk0/stat"
        self.kmsg = KmsgPipe(root)
        self.finished = self.faults = 0

    def work(self):
        self.finished += 1
        with open(self.stat, "r+", encoding="ascii") as file:  # in place: the agent has it open
            file.write(f"{self.finished:>8}" + " 0" * 16 + "\n")

    def fail(self):
        self.faults += 1
        self.kmsg.say(self.faults, FAULT.format(self.faults))


@pytest.fixture(name="card")
def card_of_the_poster(poster):
    card = Card(poster.root)
    yield card
    card.kmsg.close()


def row_of_posts(agent):
    """The row of `hostingpictl status`."""
    done = subprocess.run(
        [BUILD / "hostingpictl", "--socket", agent.run_dir / "control.sock", "status"],
        env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, timeout=60, check=True,
    )
    (row,) = [line for line in done.stdout.splitlines() if line.split()[:1] == ["posts"]]
    return row


def test_last_words_go_out(poster, service, card):
    poster.start()
    service.wait_for("lab is up, ")
    card.kmsg.open()
    for faults in range(1, 6):  # it keeps failing
        card.fail()
        wait_until(
            lambda count=faults: poster.status()["state"]["sd"].get("write_errors") == count,
            what="the fault to be seen",
        )
        card.work()
        assert poster.status()["state"]["sd"]["health"] in ("good", "failing")
        poster.wait_for_posts(lambda p: p["waiting"] and p["why_waiting"] == RECENT, "the reason")
    assert RECENT in row_of_posts(poster)
    assert not service.texts(INCIDENT) and len(service.calls) == 1

    def arrived():
        card.work()
        return service.texts(INCIDENT)

    wait_until(arrived, 300, what="the post about the card")
    status = poster.wait_for_posts(lambda p: p["waiting"] == 0 and p, "the end of it")
    assert status["why_waiting"] is None
    # For people it is failing for a day.
    assert poster.status()["state"]["sd"]["health"] == "failing"
    assert RECENT not in row_of_posts(poster)
