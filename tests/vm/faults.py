# SPDX-License-Identifier: MIT
"""`make check-vm-faults`: real faults of an SD card, and whether our last words get out in time.

Theory of operation: for each arm a fresh guest whose root and swap are on the card, a broker outside,
and a thread that asks for the agent-check each 500 ms as HAProxy does. When all of that is calm one
fault begins. What is measured is when the kernel's first line about it was written (card.py ties its
clock to ours), when the agent's event came to a subscriber outside, when an answer to the poll said
"hard", and when the kernel panicked. fault_table.py judges and prints.
"""

import argparse
import collections
import contextlib
import json
import os
import shutil
import socket
import threading
import time

import where  # noqa: F401 (makes the lab's modules importable)
import card
import fault_table
import image
from experiment import Experiment
from fault_table import is_hard
from harness import Mosquitto
from process import LabError, Scratch, program, wait_until

# What must be seen. place: which sectors fail; before: what the guest must do first; says: a line of
# the kernel without which the fault did not happen; kinds: events of which one must arrive, as of lines
# about one fault only the first and a worse one are told (none: none at all may); hard: the agent-check
# must say it; panics: the kernel does.
Arm = collections.namedtuple("Arm", "name place before says kinds hard panics about")
JOURNAL, SWAP_READ = "Aborting journal on device mmcblk0p1", "Read-error on swap-device"
ARMS = {
    arm.name: arm
    for arm in (
        Arm("transient", "root", None, None, (), False, False,
            "requests fail twice, the third try works"),
        Arm("write", "victim", None, "EXT4-fs warning (device mmcblk0p1)",
            ("sd-write-error", "fs-data-lost", "buffer-error"), False, False, "the blocks of a file cannot be written"),
        Arm("journal", "journal", None, JOURNAL,
            ("fs-journal-abort",), True, False, "the journal of the root cannot be written"),
        Arm("swap-write", "swap", None, "Write-error on swap-device",
            ("swap-write-error",), True, False, "swap cannot be written"),
        Arm("swap-read", "swap", "swap", SWAP_READ,
            ("swap-read-error",), True, True, "swap cannot be read"),
        Arm("swap-read-full", "swap", "fill", SWAP_READ,
            ("swap-read-error",), True, True, "the same while memory is exhausted"),
        Arm("pulled", None, None, JOURNAL,
            ("sd-removed", "sd-gone", "fs-journal-abort"), True, False, "the card is pulled while it is written to"),
        Arm("slow", "root", None, None,
            ("sd-stall",), True, False, "each write takes 12 s"),
    )
}  # fmt: skip
SHORT = ("transient", "swap-read")

POLL_S = 0.5
CALM_S = 3  # without "hard" in any answer, at most in CALM_MAX_S
CALM_MAX_S = 60
DEADLINE_S = 40  # for everything that must be seen
LINGER_S = 4  # what else is told
QUIET_S = 8  # after a fault of which nothing may be told

experiment = Experiment("check-vm-faults")


class Poller:
    """Asks for the agent-check as HAProxy does: connect, say a name, read the line, each 500 ms."""

    def __init__(self, port):
        self.port = port
        self.answers = []  # (time, line)
        self.going = True
        threading.Thread(target=self._run, daemon=True).start()

    def _ask(self):
        with contextlib.closing(socket.create_connection(("127.0.0.1", self.port), POLL_S)) as sock:
            sock.settimeout(2)
            sock.sendall(b"lb1/pool\n")
            answer = b""
            while not answer.endswith(b"\n") and (chunk := sock.recv(200)):
                answer += chunk
        return answer.decode("ascii", "replace").strip()

    def _run(self):
        due = time.monotonic()
        while self.going:
            try:
                line = self._ask()
            except OSError:
                line = ""
            self.answers.append((time.monotonic(), line or "no answer"))
            due = max(due + POLL_S, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))

    def calm(self):
        """True if the last answers were answers, and none of them "hard"."""
        since = time.monotonic() - CALM_S
        last = [line for at, line in list(self.answers) if at > since]
        return len(last) >= 3 and not any(is_hard(line) or "%" not in line for line in last)


def tie_clocks(guest):
    """(what is to be added to the guest's clock to get ours, by how much that may be wrong), s."""
    earliest, latest = float("-inf"), float("inf")
    for number in range(card.MARKS):
        sent = time.monotonic()
        guest.command(f"mark {number}")
        line = wait_until(lambda: guest.find_kernel(f"LAB-MARK {number}"), what="a mark")
        earliest = max(earliest, sent - line.stamp)
        latest = min(latest, line.arrival - line.stamp)
    return (earliest + latest) / 2, (latest - earliest) / 2


class Watch:
    """What has been seen since the fault began; all times in ms after the first sign of it."""

    def __init__(self, arm, guest, subscriber, poller):
        self.arm, self.guest, self.subscriber, self.poller = arm, guest, subscriber, poller
        self.offset, self.precision = tie_clocks(guest)
        self.began = None  # our clock
        self.messages = subscriber.count()

    def begin(self, first, last):
        self.guest.command(f"play {self.arm.name} {first} {last}")
        mark = f"LAB-PLAY {self.arm.name}"
        self.began = wait_until(lambda: self.guest.find_kernel(mark), what=mark).stamp + self.offset

    def lines(self):
        """[(time, text)] of the kernel; what we wrote there is left out."""
        found = self.guest.kernel_lines(self.began - self.offset)
        return [(line.stamp + self.offset, line.text) for line in found if "LAB-" not in line.text]

    def events(self):
        """[(time, document)]"""
        with self.subscriber.changed:
            seen = self.subscriber.messages[self.messages :]
        return [(at, json.loads(text)) for at, topic, text in seen if topic.endswith("/event")]

    def answers(self):
        """[(time, line)], and the last one before."""
        found = list(self.poller.answers)
        earlier = sum(at < self.began for at, _ in found)
        return found[max(0, earlier - 1) :]

    def happened(self):
        return not self.arm.says or any(text.startswith(self.arm.says) for _, text in self.lines())

    def first_line(self):
        """When and what the kernel said first about the card; nothing where it says nothing."""
        return next((line for line in self.lines() if "mmc" in line[1]), None)

    def panic(self):
        return next((at for at, text in self.lines() if text.startswith("Kernel panic")), None)

    def complete(self):
        arm = self.arm
        if not self.guest.alive():
            return True
        if not arm.kinds:
            return bool(self.guest.find("LAB-PLAYED"))
        return (
            any(event["kind"] in arm.kinds for _, event in self.events())
            and (not arm.hard or any(is_hard(line) for at, line in self.answers() if at > self.began))
            and (not arm.panics or self.panic() is not None)
        )

    def results(self):
        first = self.first_line()
        zero = first[0] if first else self.began

        def since(at):
            return None if at is None else round(1000 * (at - zero))

        played = self.guest.find("LAB-PLAYED")
        return {
            "precision_ms": round(1000 * self.precision, 1),
            "first": first and first[1],
            "began_ms": since(self.began),
            "panic_ms": since(self.panic()),
            "played": played[0][1].split()[1:] if played else None,
            "lines": [(since(at), text) for at, text in self.lines()],
            "events": [
                (since(at), event["kind"], event["severity"], event["text"])
                for at, event in self.events()
            ],
            "answers": [(since(at), line) for at, line in self.answers()],
            "latency_max_ms": self.latency(),
            "host_load": round(os.getloadavg()[0], 1),
        }

    def latency(self):
        """The highest mean time of a write that the agent published."""
        with self.subscriber.changed:
            seen = self.subscriber.messages[self.messages :]
        states = [json.loads(text) for _, topic, text in seen if topic.endswith("/state")]
        return max((state.get("sd", {}).get("write_latency_ms", 0) for state in states), default=0)


def play(arm, guest, subscriber, poller, places):
    """Calm, fault, and what came of it."""
    subscriber.wait_for(lambda topic, text: topic.endswith("/availability") and text == "online", 60)
    if arm.before:
        guest.command("swap")
        swapped = int(guest.wait_line("LAB-SWAPPED", 60).split()[1])
        if swapped < 1024 * card.KEEPER_MB:
            raise LabError(f"only {swapped} kB went to swap")
    if arm.before == "fill":
        guest.command("fill")
        guest.wait_line("LAB-GROW full", 120)
    else:
        wait_until(poller.calm, CALM_MAX_S, "answers that are not hard")
    watch = Watch(arm, guest, subscriber, poller)
    watch.begin(*places.get(arm.place, (0, 0)))
    if arm.name == "pulled":
        time.sleep(1)  # it is being written to
        watch.began = time.monotonic()
        guest.qmp.ask("eject", device="card", force=True)
    with contextlib.suppress(LabError):
        wait_until(watch.complete, DEADLINE_S)
    time.sleep(LINGER_S if arm.kinds else QUIET_S)
    if not watch.happened():
        raise LabError(f"the kernel did not say {arm.says}\n{guest.tail()}")
    return watch.results()


def run(arm, board, places):
    """One arm from boot to power-off; the guest's console is kept. A guest that breaks is a result."""
    with contextlib.closing(Scratch("hostingpi-vm-")) as scratch:
        broker = Mosquitto(scratch).start()
        subscriber = broker.subscriber()
        guest = card.CardGuest(scratch, board, broker.port)
        poller = None
        try:
            guest.start()
            poller = Poller(guest.agent_port)
            found = play(arm, guest, subscriber, poller, places)
        except (LabError, OSError, ValueError) as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        if poller:
            poller.going = False
        if guest.alive():
            with contextlib.suppress(OSError):
                guest.end(5)
        shutil.copy(guest.log, image.FOLDER / f"console-card-{arm.name}.log")
    return {"arm": arm.name, "board": board, **found}


def parse():
    parser = argparse.ArgumentParser(prog="check-vm-faults", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--arms", help=f"some of {','.join(ARMS)}")
    parser.add_argument("--short", action="store_true", help=f"the arms {','.join(SHORT)}")
    parser.add_argument("--board", choices=card.BOARDS, default="virt")
    options = parser.parse_args()
    options.arms = options.arms.split(",") if options.arms else list(SHORT if options.short else ARMS)
    unknown = [name for name in options.arms if name not in ARMS]
    if unknown:
        parser.error(f"no such arm: {', '.join(unknown)}")
    return options


def main():
    options = parse()
    wanted = ("mosquitto", "mosquitto_sub", "debugfs")
    missing = image.missing_tools() + [name for name in wanted if program(name) is None]
    experiment.prepare(missing, card.provide)
    places = card.places()
    rows = []
    for name in options.arms:
        began = time.monotonic()
        row = run(ARMS[name], options.board, places)
        if "error" in row:  # a guest that broke says nothing about the agent
            experiment.say(f"{name}: BROKEN: {row['error'].splitlines()[0]}; once more")
            row = run(ARMS[name], options.board, places)
        rows.append(row)
        print(fault_table.course(row, ARMS[name]), flush=True)
        experiment.say(f"{name} took {time.monotonic() - began:.0f} s")
    (image.FOLDER / "faults.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    well, text = fault_table.report(rows, ARMS)
    return experiment.verdict(well, text, len(rows))


if __name__ == "__main__":
    experiment.run(main)
