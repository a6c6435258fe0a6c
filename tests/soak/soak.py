# SPDX-License-Identifier: MIT
"""The course of a soak: trouble, calm, trouble, calm; and what must hold.

Theory of operation: the faults are a shuffled deck that is dealt again when it is empty, so that all of
them come. Each trouble is one fault, every third time two in different places. Then all must become well, and
stay so for some looks; there the agent is measured. Every ten seconds it is measured as well, whatever
happens. What is compared is calm with calm: the median of the looks around the end of the first quarter
with that of the last ones.
"""

import random
import statistics
import threading
import time

import where  # noqa: F401 (makes the lab's modules importable)
import gauge
from faults import FAULTS, warm_up
from journal import Journal
from load import Load
from world import World

INTERVAL = "100ms"  # ten times as often as by default
WELL_WITHIN_S = 150  # a swap error is one for 60 s, a connection has its pauses
CALM_LOOKS = 10
BETWEEN_S = 0.2
EVERY_S = 10
# Growth from the calm at the first quarter to that at the end. Pages are touched late; a leak goes on.
BOUNDS = {"heap_kb": 16, "anon_kb": 96, "private_dirty_kb": 128, "rss_kb": 512, "descriptors_all": 0}
REPEATS = 15  # the same text in one trouble and its calm
LATE = 0.75  # of the time; then the card may fail
AROUND = 5  # looks for a median


class Soak:
    def __init__(self, scratch, seconds, seed, preload=None, say=print):
        self.seconds, self.seed, self.say = seconds, seed, say
        self.long = seconds >= 600
        self.rng = random.Random(seed)
        self.world = World(scratch, INTERVAL, preload)
        self.load = Load(self.world, seed, 30 if self.long else 5)
        self.failures = []
        self.calm = []  # what gauge.look() saw
        self.looks = []  # the same every ten seconds
        self.troubles = []
        self.deck = []
        self.over = threading.Event()

    def fail(self, text):
        self.failures.append(f"{self.now():.0f} s: {text}")
        self.say(f"  FAILED {text}", flush=True)

    def now(self):
        return time.monotonic() - self.began

    def run(self):
        self.began = time.monotonic()
        self.wall = time.time()
        self.pid = self.world.agent.pid
        self.journal = Journal(self.world.agent.log)
        self.load.start()
        warm_up(self.world, random.Random(self.seed))
        self.journal.end_window("warming up")
        self.be_calm("start")
        looker = threading.Thread(target=self._look_often, daemon=True)
        looker.start()
        late = False
        while self.now() < self.seconds and self.world.agent.alive():
            if not late and self.now() >= LATE * self.seconds:
                late, self.deck = True, []
            self.trouble()
        self.over.set()
        looker.join()
        if self.world.agent.alive():
            self.judge_all()
        else:
            self.fail(f"the agent ended with {self.world.agent.popen.returncode}: it must not")
        self.load.end()
        if self.world.agent.alive() and self.world.end() != 0:
            self.fail(f"the agent ended with {self.world.agent.popen.returncode} on SIGTERM")
        return self

    def _look_often(self):
        while not self.over.wait(EVERY_S):
            try:
                self.looks.append({"t": round(self.now(), 1), **gauge.look(self.pid)})
            except (OSError, ValueError, KeyError):
                return  # it has ended, which is told elsewhere

    # Trouble

    def deal(self, not_in=None):
        """The next fault, if it is in another place than this one; else None."""
        if not self.deck:
            late = self.now() >= LATE * self.seconds
            self.deck = [f for f in FAULTS if (f.short or self.long) and (late or not f.late)]
            self.rng.shuffle(self.deck)
        for fault in reversed(self.deck):
            if fault.place != not_in:
                self.deck.remove(fault)
                return fault
        return None

    def trouble(self):
        first = self.deal()
        second = self.deal(first.place) if self.rng.random() < 1 / 3 else None
        chosen = [fault for fault in (first, second) if fault]
        name = " and ".join(fault.name for fault in chosen)
        seconds = max(self.rng.uniform(*fault.seconds) for fault in chosen)
        at = self.now()
        acts = []
        # What stops the agent begins last and ends first: the others have to ask it.
        for fault in sorted(chosen, key=lambda one: one.place == "agent"):
            acts.append(fault.act(self.world, random.Random(self.rng.random())))
            next(acts[-1])
        time.sleep(seconds)
        for act in reversed(acts):
            next(act, None)
        well_s = self.be_calm(name)
        row = {"t": round(at, 1), "faults": [fault.name for fault in chosen]}
        self.troubles.append({**row, "seconds": round(seconds, 1), "well_after_s": well_s})
        after = "never" if well_s is None else f"{well_s:.1f} s"
        self.say(f"{at:6.0f} s  {name}, {seconds:.0f} s; well after {after}", flush=True)

    def be_calm(self, name):
        """Seconds until all was well, or None."""
        begin = time.monotonic()
        well = self.world.wait_well(WELL_WITHIN_S)
        took = time.monotonic() - begin
        if not well:
            self.fail(f"not well {WELL_WITHIN_S} s after {name}: {'; '.join(self.world.complaints())}")
        elif self.world.agent.alive():
            self._stay_well(name)
        worst = self.journal.end_window(name)
        if worst and worst[1] > REPEATS:
            self.fail(f"logged {worst[1]} times in {name}: {worst[0]}")
        return round(took, 1) if well else None

    def _stay_well(self, name):
        """Messages and posts that wait come and go; all the rest must stay."""
        for _ in range(CALM_LOOKS):
            time.sleep(BETWEEN_S)
            bad = [text for text in self.world.complaints() if " wait" not in text]
            if bad:
                return self.fail(f"not calm after {name}: {'; '.join(bad)}")
        look = {"t": round(self.now(), 1), "after": name, **gauge.look(self.pid)}
        if look["zombies"]:
            self.fail(f"{look['zombies']} zombies after {name}")
        self.calm.append(look)
        return None

    # What must hold

    def around(self, share):
        """The calm looks next to this share of the time."""
        if not self.calm:
            return []
        at = self.calm[0]["t"] + share * (self.calm[-1]["t"] - self.calm[0]["t"])
        # Of a short soak no look may count for two quarters.
        number = max(1, min(AROUND, len(self.calm) // 4))
        near = sorted(self.calm, key=lambda look: abs(look["t"] - at))[:number]
        return sorted(near, key=lambda look: look["t"])

    def middle(self, key, share):
        """The median; of descriptors the least, because a caller may be there at any look."""
        choose = min if key == "descriptors_all" else statistics.median
        return choose(look[key] for look in self.around(share))

    def judge_all(self):
        if not self.calm:
            return self.fail("there was no calm")
        for key, bound in BOUNDS.items():
            first, last = self.middle(key, 0.25), self.middle(key, 1)
            if last - first > bound:
                self.fail(f"{key} grew from {first:g} to {last:g}, by more than {bound}")
        threads = {look["threads"] for look in self.calm}
        if len(threads) > 1:
            self.fail(f"threads in calm: {sorted(threads)}")
        # What the kernel charged before the program began (the time of its file) is no byte of it.
        written = self.calm[-1]["disk_bytes"] - self.calm[0]["disk_bytes"]
        if written:
            self.fail(f"{written} bytes were written to a disk")
        for path in {path for look in self.calm + self.looks for path in look["disk_files"]}:
            self.fail(f"open for writing, on a disk: {path}")
        return self.judge_losses()

    def judge_losses(self):
        ledger, status = self.world.ledger, self.world.agent.status()
        mqtt, self.status = status["notifiers"]["mqtt"], status
        told = mqtt["samples_thinned"] + status["state"]["self"]["ring_dropped"]
        lost = ledger.missing_samples()
        if len(lost) > told:
            self.fail(f"{len(lost)} samples are missing, {told} were told as lost: {lost[:20]}")
        lost = ledger.missing_events()
        if len(lost) > mqtt["events_dropped"]:
            self.fail(f"events are missing: {lost[:20]}, told as lost: {mqtt['events_dropped']}")
        if ledger.other:
            self.fail(f"{ledger.other} numbers of samples came with two times")
        if not ledger.samples or status["seq"] - max(ledger.samples) > 20:
            self.fail(f"sample {status['seq']} was taken, the newest that came: {max(ledger.samples)}")
