# SPDX-License-Identifier: MIT
"""What came to the broker: samples by number, events by number, and what the agent says of itself.

Theory of operation: an observer is mosquitto_sub with QoS 1; each new broker gets a new one. Of a
document only numbers are kept, so that hours of them need little memory. A gap is two samples next to
each other with more than three intervals between them.
"""

import json
import threading

import where  # noqa: F401 (makes the lab's modules importable)
from harness import Subscriber

MANY_INTERVALS = 3


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.samples = {}  # seq: (ts, interval in ms)
        self.repeated = 0
        self.other = 0  # what had a number already and was not the same
        self.events = {}  # id: kind
        self.late_ms = []  # (ts, loop_late_ms), those above a tenth of a second
        self.late_max = 0.0
        self.from_history = 0

    def take(self, topic, payload):
        leaf = topic.rpartition("/")[2]
        if leaf not in ("state", "history", "event"):
            return
        document = json.loads(payload)
        with self.lock:
            if leaf == "event":
                self.events[document["id"]] = document["kind"]
                return
            seq, ts = document["seq"], document["ts"]
            self.from_history += leaf == "history"
            if seq in self.samples:
                self.repeated += 1
                self.other += self.samples[seq][0] != ts
                return
            self.samples[seq] = (ts, document["interval_ms"])
            late = document.get("self", {}).get("loop_late_ms", 0)
            self.late_max = max(self.late_max, late)
            if late > 100:
                self.late_ms.append((ts, late))

    @staticmethod
    def _missing(numbers):
        return sorted(set(range(min(numbers), max(numbers) + 1)) - set(numbers)) if numbers else []

    def missing_samples(self):
        with self.lock:
            return self._missing(self.samples)

    def missing_events(self):
        with self.lock:
            return self._missing(self.events)

    def gaps(self):
        """[(begin, end)] in milliseconds since 1970."""
        found = []
        with self.lock:
            rows = [self.samples[seq] for seq in sorted(self.samples)]
        for (ts, interval), (after, later) in zip(rows, rows[1:]):
            if after - ts > MANY_INTERVALS * max(interval, later):
                found.append((ts, after))
        return found


class Observer(Subscriber):
    def __init__(self, scratch, name, port, login, ledger):
        super().__init__(scratch, name, port, ["hostingpi/#"], [*login, "-q", "1"], host="::1")
        self.ledger = ledger

    def _read(self, pipe):
        for raw in pipe:
            topic, _, payload = raw.decode("utf-8", "replace").rstrip("\n").partition(" ")
            if topic == self.READY_TOPIC:
                self.subscribed = True
            else:
                self.ledger.take(topic, payload)
