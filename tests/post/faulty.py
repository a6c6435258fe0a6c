# SPDX-License-Identifier: MIT
"""faulty.py RUNS [--seed N] [--fates FILE]: messages through the outbox while everything goes wrong.

Theory of operation: each run is an outbox of its own with one to six messages, to a service like X or like
Mastodon that keeps what it got. Each connection has a random fate (post_service.py), in some runs the
poster or the agent is killed with SIGKILL while a post is under way. Then all is well again and time
passes until nothing waits. Time is the notifier's own (drive.c), so that back-off costs nothing. The service
knows the truth: nothing may stand there twice, and what does not stand there was refused by it, or was told
as unsure after the hour for which Mastodon knows a repetition.
"""

import argparse
import collections
import contextlib
import concurrent.futures
import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from harness import BUILD  # noqa: E402
from post_drive import Drive  # noqa: E402
from post_loopback import Loopback  # noqa: E402
from post_service import Fault  # noqa: E402

DAYS_S = 3 * 86400  # longer than any back-off, and two tries that wait for an operator
STATUSES = [400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 200, 301]
KEPT = (500, 502, 503, 504, 200)  # of these a service that took the message may say them
SIGNS = {
    "may have been posted": "unsure",  # stands before what is a part of it
    " posted": "posted",
    "had arrived before": "duplicate",
    "refused by": "refused",
}
JOBS = 3
HANGS = 1  # per cent of the connections on which nothing is ever answered; five seconds each


def random_fault(rng):
    """Half of the connections are well."""
    what = rng.choices(["none", "break", "reply", "hang"], [50, 30, 20, HANGS])[0]
    if what == "none":
        return None
    if what == "hang":
        return Fault("hang", keep=rng.random() < 0.5)
    if what == "break":
        stage = rng.choice(["accept", "handshake", "headers", "body", "answer"])
        return Fault(stage, keep=stage in ("body", "answer") and rng.random() < 0.5)
    status = rng.choice(STATUSES)
    keep = status in KEPT and rng.random() < 0.5
    headers = {"Retry-After": rng.randint(1, 4000)} if rng.random() < 0.3 else {}
    return Fault("reply", keep=keep, status=status, headers=headers)


class Killer(threading.Thread):
    """Kills poster or agent as soon as it sees a post under way, some milliseconds into it."""

    def __init__(self, drive, rng):
        super().__init__(daemon=True)
        self.drive, self.rng, self.done = drive, rng, threading.Event()
        self.agent = rng.random() < 0.5
        self.killed = None
        self.delay_s = rng.uniform(0, 0.03)

    def run(self):
        while not self.done.is_set():
            pid = self.drive.poster_pid()
            if pid:
                time.sleep(self.delay_s)
                if self.agent:
                    self.killed = "agent"
                    self.drive.kill()
                # The number may be another's by now, but hardly within microseconds.
                elif self.drive.poster_pid() == pid:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        self.killed = "poster"
                return
            time.sleep(0.0005)


def let_pass(drive, rng, killing):
    """Time passes. Returns who was killed meanwhile, or None."""
    killer = Killer(drive, rng)
    if killing:
        killer.start()
    drive.run(rng.randint(1, 600))
    if killing:
        killer.done.set()
        killer.join()
    return killer.killed


class Run:
    def __init__(self, service, number, seed):
        self.service, self.number = service, number
        self.rng = random.Random(f"{seed}/{number}")
        self.kind = self.rng.choice(["x", "mastodon"])
        self.texts = {}  # of our messages, by their id
        self.kills = collections.Counter()
        self.trouble = []

    def play(self):
        rng, service = self.rng, self.service
        service.reset()
        poster = service.poster(self.kind, post={"timeout": "5s", "min_gap": "0s"})
        poster.configure({"post": {"max_per_day": 1000, "program": BUILD / "hostingpi-post"}})
        self.drive = Drive(service.scratch, poster.config).start()
        fault_rng = random.Random(rng.random())
        service.choose = lambda: random_fault(fault_rng)
        try:
            self.drive.say("state", "normal")
            for i in range(rng.randint(1, 6)):
                name = f"m{self.number}-{i}"
                self.texts[name] = f"run {self.number}, message {i} ✓"
                self.drive.message(name, self.texts[name])
                if rng.random() < 0.2:
                    self.drive.say("incident", "sd-error", f"run {self.number}: block {i}")
                killed = let_pass(self.drive, rng, rng.random() < 0.25)
                self.kills[killed] += 1
                if killed == "agent":
                    self.live_again()
            service.choose = lambda: None
            self.drive.drain(DAYS_S)
            self.judge(self.drive.status())
        finally:
            self.drive.close()
        return self

    def live_again(self):
        self.drive.reap()
        self.drive.second += self.rng.randint(1, 60)
        self.drive.start().say("state", "normal")

    def judge(self, status):
        counts = collections.Counter(self.service.texts())
        for text, count in counts.items():
            if count > 1:
                self.trouble.append(f"{count} times: {text}")
        if status["waiting"]:
            self.trouble.append(f"still waits: {status}")
        self.fates = {
            name: self.fate_of(name, text, counts[text]) for name, text in self.texts.items()
        }

    def fate_of(self, name, text, count):
        """(service, what the agent said last, whether it stands there)."""
        told = [event for _, event in self.drive.events if f" {name} " in event]
        words = [word for sign, word in SIGNS.items() if told and sign in told[-1]]
        word = words[0] if words else "agent killed"
        if not words and not self.kills["agent"]:
            self.trouble.append(f"never told of {name}")
        if word == "unsure" and self.kind == "mastodon":
            pass  # an hour is over for which a key is known: given up, whether it stands there or not
        elif not count and (word in ("posted", "duplicate") or text not in self.service.refusals):
            self.trouble.append(f"LOST: {name}, {word}")
        return self.kind, word, "there" if count else "not there"


def play_all(runs, seed):
    """Yields runs as they end."""
    services = [Loopback() for _ in range(JOBS)]
    free = list(services)

    def play(number):
        service = free.pop()
        try:
            return Run(service, number, seed).play()
        finally:
            free.append(service)

    try:
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            yield from pool.map(play, range(runs))
    finally:
        for service in services:
            service.close()


def summary(done):
    """Lines for people, and whether all is well."""
    fates = collections.Counter(row for run in done for row in run.fates.values())
    kills = sum((run.kills for run in done), collections.Counter())
    lines = [f"{len(done)} runs, {sum(fates.values())} messages; "]
    lines[0] += ", ".join(f"{who} killed {kills[who]} times" for who in ("agent", "poster"))
    lines += [f"  {' | '.join(fate):35} {count:5}" for fate, count in sorted(fates.items())]
    trouble = [f"run {run.number}: {text}" for run in done for text in run.trouble]
    return lines + (trouble or ["nothing twice, nothing lost"]), not trouble


def main():
    parser = argparse.ArgumentParser(description="messages through the outbox amid faults")
    parser.add_argument("runs", type=int)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--fates", type=pathlib.Path, help="a line for each message")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    done = list(play_all(options.runs, options.seed))
    if options.fates:
        rows = [f"{name} {' | '.join(row)}" for run in done for name, row in run.fates.items()]
        options.fates.write_text("\n".join([*rows, ""]), encoding="utf-8")
    lines, well = summary(done)
    print("\n".join(lines))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
