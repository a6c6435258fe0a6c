# SPDX-License-Identifier: MIT
"""`make check-vm-lvs`: real keepalived moves real weights of LVS, by what agents say over HTTP.

Theory of operation: many kernels (containers, the one of our tests) have no IPVS; that of the guest has it.
The guest is the director of examples/keepalived/keepalived.conf, which runs there as it is, and both
Pis besides. What is judged is the kernel's own table, as ipvsadm prints it, after each change.
"""

import collections
import time

import where  # noqa: F401 (makes the lab's modules importable)
import image
import lvs_packages
from experiment import Experiment
from guest import Console
from machine import MACHINES
from process import LabError, Scratch

experiment = Experiment("check-vm-lvs")
SERVERS = {1: ("[2001:db8::1]:80", "192.0.2.1:80"), 2: ("[2001:db8::2]:80", "192.0.2.2:80")}
# delay_loop is 2 s, and an emulated machine on a busy one takes its time.
PATIENCE_S = 120

Step = collections.namedtuple("Step", "command pi1 pi2 about")
STEPS = (
    Step(None, 100, 100, "both at 100"),
    Step("press 1", 60, 100, "pi1 sheds"),
    Step("drain 2", 60, 0, "pi2 is drained: weight 0, still in the table"),
    Step("ready 2", 60, 100, "pi2 is back"),
    Step("exhaust 1", 1, 100, "pi1 at the hard level, all are Pis: weight 1"),
    Step("relax 1", 100, 100, "pi1 recovers"),
    Step("kill 1", 0, 100, "no agent answers: weight 0 (inhibit_on_failure)"),
)


class Director(Console):
    def __init__(self, scratch):
        super().__init__(scratch, MACHINES["virt"])
        self.words += " disks=lvs first=/payload/lvs.sh"

    def argv(self):
        disk, fresh = self.machine.disk, ["snapshot=on"]
        return [
            *self.qemu([]),
            *disk("root", image.FOLDER / "root.img", fresh, False),
            *disk("payload", image.FOLDER / "payload.img", fresh, False),
            *disk("lvs", lvs_packages.IMAGE, fresh, False),
        ]

    def table(self):
        """{real server: weight} now."""
        seen = len(self.find("LAB-TABLE"))
        self.command("table")
        deadline = time.monotonic() + PATIENCE_S
        while len(self.find("LAB-TABLE")) == seen:
            if time.monotonic() > deadline or not self.alive():
                raise LabError(f"the guest prints no table\n{self.tail()}")
            time.sleep(0.05)
        pairs = (word.split("=") for word in self.find("LAB-TABLE")[seen][1].split()[1:])
        return {server: int(weight) for server, weight in pairs}

    def becomes(self, step):
        """How long it took."""
        wanted = {name: weight for number, weight in ((1, step.pi1), (2, step.pi2)) for name in SERVERS[number]}
        began = time.monotonic()
        while (table := self.table()) != wanted:
            if time.monotonic() - began > PATIENCE_S:
                raise LabError(f"{step.about}: the table is {table}, expected {wanted}")
            time.sleep(1.5)  # each look costs an emulated machine time that its checks need
        return time.monotonic() - began


def play():
    rows = []
    scratch = Scratch("hostingpi-lvs-")
    guest = Director(scratch)
    try:
        guest.start()
        for step in STEPS:
            if step.command:
                guest.command(step.command)
            rows.append((step, guest.becomes(step)))
            experiment.say(f"{step.about}: {rows[-1][1]:.1f} s")
    finally:
        guest.end()
        log = image.FOLDER / "console-lvs.log"
        log.write_bytes(guest.log.read_bytes())
        scratch.close()
    return rows


def main():
    experiment.prepare(image.missing_tools(), lvs_packages.provide)
    rows = play()
    lines = ["change                                              pi1  pi2  in the kernel's table after"]
    lines += [f"{step.about:50s} {step.pi1:4d} {step.pi2:4d}  {took:.1f} s" for step, took in rows]
    return experiment.verdict(len(rows) == len(STEPS), "\n".join(lines), len(rows))


if __name__ == "__main__":
    experiment.run(main)
