# SPDX-License-Identifier: MIT
"""The day of a Pi that flaps (simulated, with real posts to the stand-in for X): what the world
gets to read, and what that costs. With -s the day can be read."""

import random

import pytest
from harness import BUILD
from post_drive import Drive
from post_service import Fault
from post_verifier import oauthlib

pytestmark = pytest.mark.skipif(oauthlib is None, reason="needs python3-oauthlib (tests/deps.sh)")

USD = 0.015  # for each post without a URL (X, November 2026)
HOUR_S = 3600
WORDS = {"shed": 40, "hard": 15, "recover": 25, "normal": 20}  # of a flapping Pi, per cent


class Day:
    def __init__(self, drive, seed):
        self.drive, self.rng = drive, random.Random(seed)
        self.changes, self.incidents, self.state = 0, 0, "normal"
        drive.say("state", "normal")

    def until(self, hour):
        self.drive.run(hour * HOUR_S - self.drive.second)

    def turn(self, state):
        self.changes += state != self.state
        self.state = state
        self.drive.say("state", state)

    def flap(self, until_hour):
        """Another state every 5 to 90 seconds."""
        while self.drive.second < until_hour * HOUR_S:
            self.turn(self.rng.choices(list(WORDS), list(WORDS.values()))[0])
            self.drive.run(self.rng.randint(5, 90))
        self.turn("normal")

    def stutter(self, until_hour):
        """The card complains every five minutes."""
        while self.drive.second < until_hour * HOUR_S:
            self.incidents += 1
            text = f"mmcblk0: block {self.incidents} cannot be read"
            self.drive.say("incident", "sd-read-error", text)
            self.drive.run(300)


def play(day, service):
    day.until(7)
    day.flap(9)
    day.until(11)
    for _ in range(30):  # ten seconds of trouble every ten minutes are no news
        day.turn("shed")
        day.drive.run(10)
        day.turn("normal")
        day.drive.run(590)
    service.choose = lambda: Fault("reply", status=503)
    day.flap(17)  # meanwhile the service is down
    service.choose = lambda: None
    service.faults = [Fault("body", keep=True), Fault("answer", keep=True)]
    day.stutter(19)
    day.until(21)  # the daily summary
    day.flap(24)


def test_flapping_day(post_service):
    poster = post_service.poster(post={"program": BUILD / "hostingpi-post", "timeout": "5s"})
    drive = Drive(post_service.scratch, poster.config, start_s=1).start()
    try:
        day = Day(drive, 6)
        play(day, post_service)
        drive.run(HOUR_S)
        status = drive.status()
    finally:
        drive.close()
    texts = post_service.texts()
    print(*texts, "", *drive.events, "", sep="\n")
    print(
        f"{day.changes} changes of state, {day.incidents} incidents: {len(texts)} posts, "
        f"{len(texts) * USD:.3f} USD, {status['duplicates']} of them sent twice and known as such, "
        f"{status['dropped']} old news before they could be posted"
    )
    sure = status["posted"] + status["duplicates"]
    assert status["waiting"] == 0 and sure <= len(texts) <= sure + status["unsure"]
    assert len(set(texts)) == len(texts) <= 24  # max_per_day
    assert day.changes > 300 and day.incidents == 24
    assert status["duplicates"] + status["unsure"] >= 1
    assert sum("requests in a day" in text for text in texts) == 1
    assert 1 <= sum("cannot be read" in text for text in texts) <= 3  # once an hour
    assert len(texts) * USD < 0.25
    assert texts[-1].count("back to normal") == 1  # no story is left without its end
