# SPDX-License-Identifier: MIT
"""Section E: 100,000 lines of the kernel log in a second.

Theory of operation: the real agent reads a dev/kmsg below a made-up root. A pipe in packet mode stands
for the device: one record per read(), as there. Its ring has as many places as the pipe; a record that
finds none is dropped and its number is missing afterwards, which is what an overrun looks like. The
first row spreads the lines over a second, the second writes them as fast as it can, and in the third
all are there at once, as a plain file. Two thirds of the lines are of a disk that fails, a sixth is innocent, a sixth
is the same written by user space. With KMSG=1, as root, two more rows flood this machine's own /dev/kmsg, the
last one while the agent is stopped; what was in there before is gone then.
"""

import json
import os
import stat
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from harness import Agent, Mosquitto
from kmsg import KmsgPipe, make_root
from mqtt_lab import TOPIC, mqtt_config, wait_connected
from process import Scratch, wait_until
from table import table

RECORDS = 100_000
SLICE = 100  # records between two looks at the clock
QUIET_S = 12  # an incident ends after 10 s
LINES = [
    (3, "I/O error, dev mmcblk0, sector {n} op 0x1:(WRITE) flags 0x800 phys_seg 43 prio class 2"),
    (3, "Buffer I/O error on device mmcblk0p2, logical block {n}"),
    (3, "I/O error, dev mmcblk0, sector {n} op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2"),
    (4, "EXT4-fs warning (device mmcblk0p2): ext4_end_bio:343: I/O error 10 writing to inode {n} x"),
    (6, "usb 1-1.2: reset high-speed USB device number {n} using xhci_hcd"),
    (12, "I/O error, dev mmcblk0, sector {n} op 0x1:(WRITE) flags 0x800 phys_seg 43 prio class 2"),
]
ERRORS = (0, 2)  # those of LINES that are failed writes


def record(number):
    prefix, text = LINES[number % len(LINES)]
    return f"{prefix},{number},{number * 10},-;{text.format(n=number)}\n".encode()


def is_error(number):
    return number % len(LINES) in ERRORS


def write_all(write, in_s):
    """Calls write(number) RECORDS times, in no less than in_s; returns the seconds it took."""
    began = time.monotonic()
    for start in range(0, RECORDS, SLICE):
        for number in range(start, start + SLICE):
            write(number)
        ahead = in_s * start / RECORDS - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
    return time.monotonic() - began


class Pipe:
    """A pipe as the device; what finds no room in it is lost."""

    def __init__(self, root, in_s):
        self.log = KmsgPipe(root)
        self.in_s = in_s

    def flood(self):
        fd = self.log.open().fd
        records = [record(number) for number in range(RECORDS)]
        taken = errors = 0

        def write(number):
            nonlocal taken, errors
            try:
                os.write(fd, records[number])
            except BlockingIOError:
                return
            taken += 1
            errors += is_error(number)

        seconds = write_all(write, self.in_s)
        # The number of the last one shows what is missing before it.
        os.set_blocking(fd, True)
        self.log.say(RECORDS, "the end", prefix=6)
        return seconds, taken, errors

    def close(self):
        self.log.close()


class File:
    """All lines at once."""

    def __init__(self, root):
        self.path = root / "dev/kmsg"
        self.path.write_bytes(b"")

    def flood(self):
        text = b"".join(record(number) for number in range(RECORDS))
        began = time.monotonic()
        with open(self.path, "ab") as file:
            file.write(text)
        return time.monotonic() - began, RECORDS, sum(is_error(n) for n in range(RECORDS))

    def close(self):
        pass


class Device:
    """The real one. Each descriptor may write ten lines in five seconds (printk_devkmsg).

    holds: the agent is stopped meanwhile, so that its place in the ring is overwritten."""

    def __init__(self, holds):
        self.holds = holds

    def flood(self):
        began = time.monotonic()
        for start in range(0, RECORDS, 10):
            fd = os.open("/dev/kmsg", os.O_WRONLY)
            for number in range(start, start + 10):
                os.write(fd, f"<6>hostingpi storm {number}\n".encode())
            os.close(fd)
        return time.monotonic() - began, None, 0

    def close(self):
        pass


def group(agent, name):
    return agent.status()["state"][name]


def measure_one(scratch, name, source, options):
    broker = Mosquitto(scratch, ["log_type error"], name=f"broker-{name}").start()
    events = broker.subscriber(TOPIC + "event")
    states = broker.subscriber(TOPIC + "state")
    config = {**mqtt_config(broker.port), "requests": {"source": "none"}}
    agent = Agent(scratch, config, name=f"agent-{name}", options=options).start()
    wait_connected(agent)
    time.sleep(3)  # a calm stretch to compare with
    calm = states.count()
    told = events.count()
    window = meter.Window(agent.pid)
    if getattr(source, "holds", False):
        agent.stop()
    seconds, taken, errors = source.flood()
    agent.cont()
    if errors:
        wait_until(lambda: group(agent, "sd").get("write_errors") == errors, what=f"{name}: all read")
    else:
        time.sleep(2)
    used = window.end()
    time.sleep(QUIET_S)
    late = [json.loads(text)["self"]["loop_late_ms"] for _, _, text in states.messages]
    kinds = [json.loads(text)["kind"] for _, _, text in events.messages[told:]]
    lost = group(agent, "self")["kernel_log_lost"]
    cpu_ms = used["cpu_mean_ms_s"] * used["seconds"]
    result = {
        "records": RECORDS,
        "write_s": round(seconds, 3),
        "taken": taken,
        "lost": RECORDS - taken if taken is not None else None,
        "said_lost": lost,
        "errors": errors,
        "counted": group(agent, "sd").get("write_errors"),
        "caught_up_s": used["seconds"],
        "cpu_ms": round(cpu_ms, 1),
        "cpu_us_per_record": round(cpu_ms * 1000 / max(RECORDS - lost, 1), 2),
        "late_calm_ms": max(late[:calm], default=None),
        "late_ms": max(late[calm:], default=None),
        "heap_growth_kb": used["heap_growth_kb"],
        "events": kinds,
    }
    source.close()
    agent.close()
    broker.close()
    return result


def measure(say, quick):
    del quick  # one length: the storm is the same, and most of the time is waiting for the end of it
    scratch = Scratch("hostingpi-bench-")
    found = {"errors": []}
    try:
        rows = {}
        for name, make in (
            ("second", lambda root: Pipe(root, 1)),
            ("burst", lambda root: Pipe(root, 0)),
            ("file", File),
        ):
            say(f"storm of {RECORDS} kernel lines: {name}")
            root = make_root(scratch, name)
            rows[name] = measure_one(scratch, name, make(root), ("--root", root))
        kmsg = os.environ.get("KMSG") and stat.S_ISCHR(os.stat("/dev/kmsg").st_mode)
        if kmsg and os.access("/dev/kmsg", os.W_OK):
            say("storm in this machine's own kernel log")
            rows["/dev/kmsg"] = measure_one(scratch, "kmsg", Device(False), ())
            rows["held back"] = measure_one(scratch, "held", Device(True), ())
        found["rows"] = rows
        return found
    finally:
        scratch.close()


def report(found):
    header = ["", "written\nin s", "in the\nlog", "lost", "said to\nbe lost", "disk\nerrors", "counted"]
    header += ["all seen\nafter s", "CPU\nms", "CPU us\na record", "loop late\nms", "calm\nms", "events"]
    rows = [
        [name, one["write_s"], one["taken"], one["lost"], one["said_lost"], one["errors"]]
        + [one["counted"], one["caught_up_s"], one["cpu_ms"], one["cpu_us_per_record"]]
        + [one["late_ms"], one["late_calm_ms"], len(one["events"])]
        for name, one in found["rows"].items()
    ]
    lines = [f"E. {RECORDS} lines of the kernel log in a second", "", *table(header, rows), ""]
    for name, one in found["rows"].items():
        lines.append(f"  {name}: {', '.join(one['events']) or 'no events'}")
    return lines
