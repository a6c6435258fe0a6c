# SPDX-License-Identifier: MIT
"""Section H: bytes and packets for the same readings, against collectd and Telegraf's formats.

Theory of operation: all of it happens in a namespace of its own (payload_wire.py); this module starts
that and makes the table. Rows marked "made" are formats of programs that are not here, made from the
readings of the fixture and sent for real.
"""

import json
import sys

import where  # noqa: F401 (makes the lab's modules importable)
from process import LabError, Process, Scratch
from stalls import not_possible, unshare
from table import ratio, table

DAY_S = 86400


class Wire(Process):
    def __init__(self, scratch, seconds):
        super().__init__(scratch, "payload")
        self.seconds = seconds
        self.output = scratch.path / "payload.json"

    def argv(self):
        python = [sys.executable, "-B", where.HERE / "payload_wire.py"]
        return [*unshare(), *python, self.seconds, self.output]

    def result(self):
        self.wait(self.seconds + 90)
        if not self.output.exists():
            raise LabError(self.tail(300).strip() or "ended without a result")
        return json.loads(self.output.read_text())


def measure(say, quick):
    reason = not_possible()
    if reason:
        return {"skipped": reason}
    seconds = 20 if quick else 60
    say(f"payload: {seconds} s")
    scratch = Scratch("hostingpi-bench-")
    try:
        found = Wire(scratch, seconds).start().result()
        if "error" in found:
            raise LabError(found["error"])
        return {"seconds": seconds, **found}
    finally:
        scratch.close()


def report(found):
    if "skipped" in found:
        return ["H. Payload", "", f"SKIPPED all of it: no namespaces here: {found['skipped']}"]
    lines = [f"H. What one sample a second takes on the wire ({found['seconds']} s, IPv6, MTU 1500)"]
    header = ["", "readings", "messages", "packets\nboth ways", "to the\nbroker", "TCP payload\nbytes"]
    header += ["bytes with\nIP and TCP", "per\nreading", "MB\na day"]
    rows = [
        [name, one["readings"], one["messages"], one["packets"], one["packets_up"]]
        + [one["mqtt_bytes"], one["wire_bytes"], ratio(one["wire_bytes"], one["readings"], 1)]
        + [one["wire_bytes"] * DAY_S / 1e6]
        for name, one in found["rows"].items()
    ]
    share = found["unknown_bytes"] / found["document_bytes"]
    return [
        *[lines[0], "", *table(header, rows), ""],
        f"Of the {found['document_bytes']} bytes of the document of the fixture "
        f"{found['unknown_bytes']} ({share:.0%}) are reasons why a reading is not known.",
    ]
