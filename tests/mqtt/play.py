# SPDX-License-Identifier: MIT
"""play.py FAULT FORM FOLDER: one fault, inside namespaces of its own (run.py makes them).

Theory of operation: a calm stretch, the fault, and then until everything has arrived or nothing
more does. Events are provoked and the agent-check is asked all the time, so that calm and fault
compare. Samples are counted by their number and time, events by their id and time; the last event
is made after all is over, and when it has arrived, every id before it must have, too. Prints a row
as JSON.
"""

import dataclasses
import itertools
import json
import pathlib
import re
import signal
import sys
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from faults import FAULTS
from network import run
from process import LabError, Scratch, wait_until
from world import World


@dataclasses.dataclass(frozen=True)
class Form:
    interval: str
    calm_s: float
    event_s: float  # between two events
    patience_s: float  # nothing more arrives if nothing has for so long
    mqtt: dict


FORMS = {
    # A connection that is dead looks alive until the kernel tries again (26 s after a cut of 30 s)
    # or twice the keepalive has passed.
    "long": Form("1s", 15, 2, 75, {"reconnect_max": "10s"}),
    # A ring that is as deep in a quarter of the time, and replayed as fast as may be.
    "short": Form("250ms", 3, 0.5, 20, {"reconnect_max": "1s", "history_rate": 100}),
}
BACK_S = 200  # a broker may be called again as late as reconnect_max, and some time-outs
STEADY_S = 10  # "works again" is told when a connection has stood for 5 s


class Place(Scratch):
    """A tmpfs: run_dir must be one, and so must be a disk that is to run full."""

    def __init__(self, folder):  # the folder belongs to run.py
        self.path, self.processes = pathlib.Path(folder), []
        run("mount", "-t", "tmpfs", "-o", "mode=755", "none", folder)


def cpu_ms(pid):
    """(of all threads, of the MQTT worker)"""
    names, used = meter.threads(pid), meter.cpu_ns(pid)
    worker = sum(ns for tid, ns in used.items() if names.get(tid) == "mqtt")
    return sum(used.values()) / 1e6, worker / 1e6


class Play:
    def __init__(self, world, fault, form):
        self.world, self.fault, self.form = world, fault, form
        self.first = world.status()["seq"]
        self.began = self.next_event = time.monotonic()

    def live(self, seconds):
        """Goes on for so long: provokes events and looks at the connection. Returns ms/s used."""
        pid, begin = self.world.agent.pid, time.monotonic()
        before = cpu_ms(pid)
        while (left := begin + seconds - time.monotonic()) > 0:
            if time.monotonic() >= self.next_event:
                self.world.provoke()
                self.next_event += self.form.event_s
            time.sleep(max(0, min(left, self.next_event - time.monotonic())))
        spent = time.monotonic() - begin
        return [(after - ago) / spent for after, ago in zip(cpu_ms(pid), before)]

    def missing(self):
        """Numbers of samples, but for the newest one, and ids of events that did not arrive."""
        seqs = {doc["seq"] for _, _, doc, _ in self.world.documents("state", "history")}
        ids = {doc["id"] for _, _, doc, _ in self.world.documents("event")}
        newest = self.world.status()["seq"]
        samples = set(range(self.first, newest)) - seqs
        return samples, set(range(1, max(ids, default=1))) - ids

    def recover(self):
        """Until all has arrived, or no more does. Returns seconds until (connected, arrived)."""
        begin = time.monotonic()
        while not self.world.mqtt()["connected"]:
            if time.monotonic() > begin + BACK_S:
                raise LabError(f"not connected {BACK_S} s after the end: {self.world.mqtt()}")
            self.live(0.1)
        connected = changed = time.monotonic()
        before = None
        while any(missing := self.missing()):
            old = {number for number in missing[0] if before is None or number in before}
            if before is None or old < before:
                changed, before = time.monotonic(), missing[0]
            elif time.monotonic() > changed + self.form.patience_s:
                return connected - begin, None
            self.live(0.25)
        return connected - begin, time.monotonic() - begin

    def last_event(self):
        """One more event, so that the number of all is known."""
        asked_ms = time.time() * 1000 - 1

        def made():
            events = self.world.documents("event")
            return next((doc["id"] for _, _, doc, _ in events if doc["ts"] >= asked_ms), None)

        self.world.provoke()
        return wait_until(made, 30, what="the last event")

    def tally(self, at_begin):
        """What was made and what of it arrived."""
        world, events_made = self.world, self.last_event()
        last = world.status()["seq"]

        def arrived():
            return last in {doc["seq"] for _, _, doc, _ in world.documents("state")}

        if self.fault.deliverable:
            wait_until(arrived, what="the last sample")
        samples, events = world.documents("state", "history"), world.documents("event")
        wanted, ids = set(range(self.first, last + 1)), set(range(1, events_made + 1))
        got, duplicates, differ = count(samples, wanted, "seq")
        got_ids, event_duplicates, events_differ = count(events, ids, "id")
        recent = (doc for _, _, doc, _ in samples if at_begin <= doc["seq"] <= last)
        return {
            "taken": len(wanted),
            "lost": len(wanted - got),
            "lost_seqs": ranges(wanted - got),
            "history": sum(leaf == "history" for _, leaf, _, _ in samples),
            "duplicates": duplicates,
            "differ": differ + events_differ,
            "events": events_made,
            "events_lost": len(ids - got_ids),
            "lost_ids": ranges(ids - got_ids),
            "event_duplicates": event_duplicates,
            "ring_dropped": world.status()["state"]["self"]["ring_dropped"],
            "waiting": world.mqtt()["samples_waiting"],
            "late_ms": max((doc["self"].get("loop_late_ms", 0) for doc in recent), default=None),
        }


def count(documents, wanted, key):
    """What arrived of the wanted numbers: (numbers, duplicates, documents that differ)."""
    texts, duplicates, differ = {}, 0, 0
    for _, _, doc, text in documents:
        if doc[key] in wanted:
            same = (doc[key], doc["ts"])
            duplicates += same in texts
            differ += texts.setdefault(same, text) != text
    return {number for number, _ in texts}, duplicates, differ


def availability(world, begin, end):
    """The last word before, during and after."""
    words = [(at, text) for at, leaf, text in world.heard() if leaf == "availability"]
    last = lambda low, high: next((t for at, t in reversed(words) if low <= at < high), None)
    return [last(0, begin), last(begin, end), last(0, time.monotonic() + 1)]


def latency(answers, begin, end):
    times = [us for at, us in answers if begin <= at < end]
    good = sorted(us / 1000 for us in times if us is not None)
    return {
        "check_answers": len(good),
        "check_failed": len(times) - len(good),
        "check_p99_ms": meter.percentile(good, 99) if good else None,
        "check_max_ms": good[-1] if good else None,
    }


def wait_steady(course, said, connections):
    """After a connection was lost: until the log says that it is over."""
    deadline = time.monotonic() + STEADY_S
    while course.world.mqtt()["connections"] > connections and time.monotonic() < deadline:
        if "works again" in course.world.agent.log.read_text()[said:]:
            return
        course.live(0.25)


def measure(world, fault, form, seconds):
    agent = world.agent
    wait_until(lambda: world.documents("state"), what="the first sample")
    wait_until(
        lambda: ("availability", "online") in {one[1:] for one in world.heard()}, what="online"
    )
    course, descriptors = Play(world, fault, form), [world.descriptors()]
    world.asker.start()
    calm, rss_bytes = course.live(form.calm_s), [agent.memory_bytes()]
    said, status, begin = len(agent.log.read_text()), world.status(), time.monotonic()
    connections = status["notifiers"]["mqtt"]["connections"]
    act = fault.act(world)
    next(act)
    during = course.live(seconds)
    end, mqtt = time.monotonic(), world.mqtt()
    next(act, None)
    connected_s, arrived_s = course.recover()
    over = time.monotonic()
    wait_steady(course, said, connections)
    world.asker.close()
    answers = world.asker.answers()
    rss_bytes.append(agent.memory_bytes())
    descriptors.append(world.descriptors())
    return {
        "seconds": round(end - begin, 1),
        "at_begin": status["seq"],
        **course.tally(status["seq"]),
        "log": [line for line in agent.log.read_text()[said:].splitlines() if "mqtt" in line],
        "check_calm_p99_ms": latency(answers, course.began, begin)["check_p99_ms"],
        **latency(answers, begin, over),
        "cpu_ms_s": [round(calm[0], 3), round(during[0], 3)],
        "worker_ms_s": [round(calm[1], 3), round(during[1], 3)],
        "rss_kb": [size // 1024 for size in rss_bytes],
        "descriptors": descriptors,
        "availability": availability(world, begin, end),
        "connections": mqtt["connections"] - connections,
        "connected": mqtt["connected"],
        "connected_s": round(connected_s, 1),
        "arrived_s": None if arrived_s is None else round(arrived_s, 1),
    }


def ranges(numbers):
    """"3-5, 9" """
    runs = itertools.groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])
    spans = [[number for _, number in group] for _, group in runs]
    return ", ".join(f"{span[0]}-{span[-1]}" if span[1:] else str(span[0]) for span in spans)


def main():
    fault = next(one for one in FAULTS if one.name == sys.argv[1])
    form = FORMS[sys.argv[2]]
    seconds = fault.short if sys.argv[2] == "short" else fault.seconds
    fault = dataclasses.replace(fault, mqtt={**form.mqtt, **fault.mqtt})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the tidying up
    place = Place(sys.argv[3])
    try:
        world = World(place, fault, form.interval)
        row = measure(world, fault, form, seconds)
    except (LabError, OSError, AssertionError, json.JSONDecodeError) as error:
        row = {"error": re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:600]}
        row["logs"] = dict(place.logs())
    finally:
        for process in reversed(place.processes):
            process.close()
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
