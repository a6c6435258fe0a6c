# SPDX-License-Identifier: MIT
"""One run: a fresh guest, a fresh balancer, the same trouble, one line of results.

Theory of operation: the trouble is the one of 2016 in small. A flash crowd fills the pool of workers,
a file synchronisation fills the page cache, and a job next door wants 120 MB within 20 s and keeps
them for a while. All of it fits if the web server gives way in time; without that it does not. What
the guest's kernel says is kept for explanation; what counts is the witness outside (guest.py) and
what visitors got (load.py).
"""

import collections
import contextlib
import os
import shutil
import socket
import time

from guest import Guest
from harness import Haproxy
from load import CROWD, Load, summary
from process import LabError, Scratch

Arm = collections.namedtuple("Arm", "name cap agent poll psi guard about")

STATIC_CAP = 20  # (475 MB - 60 MB system - 110 MB cache and reserve) / 15 MB a worker
ARMS = {
    arm.name: arm
    for arm in (
        Arm("none", None, False, None, True, False, "no cap, no agent"),
        Arm("static", STATIC_CAP, False, None, True, False, "maxconn 20 in HAProxy"),
        Arm("ours", STATIC_CAP, True, "500ms", True, False, "agent-check, polled each 500 ms"),
        Arm("ours-nopsi", STATIC_CAP, True, "500ms", False, False, "the same, psi=0"),
        Arm("ours-2s", STATIC_CAP, True, "2s", True, False, "the same, polled each 2 s"),
        Arm("ours-guard", STATIC_CAP, True, "500ms", True, True, "the same, sync guarded"),
    )
}

# The trouble, in seconds of the run. The short form ends when a slow return would still go on.
SYNC_AT = 8
GROW_AT = 15
GROW_KB_S, GROW_MB, GROW_HOLD_S = 6144, 120, 10
SHORT_S, LONG_S = 58, 110
PERIOD_S = 0.5
CALM_S = 20  # at most, until the agent has settled; a fifth of it without a change is settled
RETURNED = 95  # percent of weight and cap

Look = collections.namedtuple("Look", "at swap weight cap busy queued")


def make_balancer(scratch, arm, guest):
    server = {"name": "pi", "family": socket.AF_INET, "port": guest.web_port, "check": False}
    if arm.cap:
        server["maxconn"] = arm.cap
    if arm.agent:
        server |= {"agent_port": guest.agent_port, "agent_family": socket.AF_INET}
    extra = "timeout queue 3s\n timeout server 20s"
    return Haproxy(scratch, [server], agent_inter=arm.poll or "500ms", extra=" " + extra)


def look(at, guest, balancer):
    row = balancer.stat()["pool", "pi"]
    cap = int(row["slim"]) if row["slim"] else None
    weight = balancer.weight("pi")
    return Look(at, guest.swap_written(), weight, cap, int(row["scur"]), int(row["qcur"]))


def calm_down(guest, balancer):
    """Until what the agent gives has not changed for a while; if it never rests, so be it."""
    end = time.monotonic() + CALM_S
    seen, since = None, time.monotonic()
    while time.monotonic() < min(end, since + CALM_S / 5):
        now = look(0, guest, balancer)
        if (now.weight, now.cap) != seen:
            seen, since = (now.weight, now.cap), time.monotonic()
        time.sleep(PERIOD_S)


def play(seed, seconds, guest, balancer):
    """Load and trouble by the clock; returns (start, looks, answers)."""
    steps = [(SYNC_AT, "sync"), (GROW_AT, f"grow {GROW_KB_S} {GROW_MB} {GROW_HOLD_S}")]
    looks = []
    load = Load(balancer.port, seed, seconds)
    while (at := load.elapsed()) < seconds:
        if steps and at >= steps[0][0]:
            guest.command(steps.pop(0)[1])
        looks.append(look(at, guest, balancer))
        time.sleep(max(0.0, PERIOD_S - (load.elapsed() - at)))
    answers = load.finish()
    looks.append(look(load.elapsed(), guest, balancer))
    return load.start, looks, answers


def time_to_return(arm, start, looks, guest):
    """Seconds from the end of the foreign job until weight and cap are back; None: never."""
    ends = guest.find("LAB-GROW end")
    if not arm.agent or not ends:
        return None
    freed = ends[0][0] - start
    for seen in looks:
        weight, cap = seen.weight >= RETURNED, seen.cap and 100 * seen.cap >= RETURNED * arm.cap
        if seen.at >= freed and weight and cap:
            return round(seen.at - freed, 1)
    return None


def results(arm, seconds, start, looks, answers, guest):
    samples = [sample for sample in guest.samples if sample.time >= start]
    headrooms = [size for at, size in guest.headrooms if at >= start]
    pauses = [later.time - sample.time for sample, later in zip(samples, samples[1:])]
    first = next((seen.at for seen in looks if seen.swap > 1_000_000), None)
    weights = [seen.weight for seen in looks]
    return {
        "arm": arm.name,
        "swap_bytes": looks[-1].swap,
        "first_mb_s": first and round(first, 1),
        "crowd": summary(answers, *CROWD),
        "all": summary(answers, 0, seconds),
        "weight_min": min(weights) if arm.agent else None,
        "cap_min": min((seen.cap for seen in looks if seen.cap), default=None),
        "headroom_min_mb": min(headrooms) // 1_000_000 if headrooms else None,
        "available_min_mb": min((sample.available_kb for sample in samples), default=0) // 1024,
        "return_s": time_to_return(arm, start, looks, guest),
        "grown": bool(guest.find("LAB-GROW full")),
        "synced": bool(guest.find("LAB-SYNC done")),
        "halts": len(guest.find("LAB-GUARD halt")),
        "oom_kills": max((sample.oom_kill for sample in samples), default=0),
        "pswpout": max((sample.pswpout for sample in samples), default=0),
        "longest_pause_s": round(max(pauses, default=0), 1),
        "host_load": round(os.getloadavg()[0], 1),
        "looks": [[round(seen.at, 1), *seen[1:]] for seen in looks],
    }


def boot(scratch, arm, machine):
    """A running guest. One that does not come up is tried again: nothing has been measured yet."""
    guest = Guest(scratch, machine, arm.agent, arm.guard, arm.psi)
    try:
        guest.start()
    except LabError:
        guest.close()
        guest = Guest(scratch, machine, arm.agent, arm.guard, arm.psi)
        guest.start()
    return guest


def measure(scratch, arm, seed, seconds, guest):
    """What happens from the first visitor on. A guest that breaks is a result, too."""
    try:
        balancer = make_balancer(scratch, arm, guest).start()
        calm_down(guest, balancer)
        start, looks, answers = play(seed, seconds, guest, balancer)
        found = results(arm, seconds, start, looks, answers, guest)
        guest.end()
    except (LabError, OSError, ValueError) as error:
        return {"arm": arm.name, "error": f"{type(error).__name__}: {error}"}
    return {**found, "kernel": [line for _, line in guest.find("LAB-KERNEL")]}


def run(arm, seed, seconds, machine, keep):
    """One run from boot to power-off; the guest's console is kept in a folder."""
    with contextlib.closing(Scratch("hostingpi-vm-")) as scratch:
        guest = boot(scratch, arm, machine)
        found = measure(scratch, arm, seed, seconds, guest)
        shutil.copy(guest.log, keep / f"console-{arm.name}-{seed}.log")
        return {"machine": machine, "seed": seed, "seconds": seconds, **found}
