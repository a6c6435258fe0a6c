# SPDX-License-Identifier: MIT
"""`make soak`: the agent with everything on, for hours, while one thing after another goes wrong.

Theory of operation: this program starts itself once more, alone in a network, a mount and a PID namespace:
there the scratch folder is a tmpfs, ports are free, and nothing that was started outlives the soak.
"""

import argparse
import atexit
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from where import HERE
import report
from process import PR_SET_PDEATHSIG, LabError, Scratch, program
from soak import Soak

SKIPPED = 77
UNSHARE = "unshare --net --mount --pid --fork --kill-child --mount-proc --".split()
PROGRAMS = "ip unshare setpriv mount mosquitto mosquitto_sub mosquitto_passwd haproxy nginx openssl".split()


class Place(Scratch):
    """A scratch folder that is there already."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.path = pathlib.Path(path)
        self.processes = []
        atexit.register(self.close)


def not_possible():
    """Why this machine cannot do it, or None."""
    for name in PROGRAMS:
        if program(name) is None:
            return f"{name} is not installed (sh tests/deps.sh run test)"
    if os.geteuid() != 0:
        return "namespaces, and an agent that runs as somebody else, need root"
    words = [*UNSHARE, "sh", "-c", "mount -t tmpfs none /mnt && ip link set lo up"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return done.stderr.strip() or "unshare failed" if done.returncode else None


def outside(options, arguments):
    reason = not_possible()
    if reason:
        print(f"SKIPPED: the soak: {reason}")
        return SKIPPED
    seed = options.seed or str(time.time_ns() % 1000000)
    scratch = Scratch("hostingpi-soak-")
    words = [*UNSHARE, sys.executable, "-B", HERE / "run.py", *arguments, "--seed", seed]
    popen = subprocess.Popen(
        [str(word) for word in [*words, "--inside", scratch.path]],
        preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one inside ends and reports
    try:
        return popen.wait()
    finally:
        scratch.close()


def inside(options):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    seconds = options.hours * 3600
    print(f"soak: {seconds:.0f} s, SEED={options.seed}", flush=True)
    soak = Soak(Place(options.inside), seconds, options.seed, options.preload)
    try:
        soak.run()
    except KeyboardInterrupt:
        soak.failures.append("ended by hand")
    except LabError as error:
        soak.fail(f"the lab: {error}")
    found = report.document(soak)
    print("\n".join(report.lines(soak, found)))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    if soak.failures:
        print("\nThe end of the agent's log:\n" + soak.world.agent.tail(3000))
        print("\n".join(["", *soak.failures]))
    print(f"soak: {'FAILED' if soak.failures else 'passed'}, SEED={options.seed}")
    return 1 if soak.failures else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", default="", help="repeats the faults of another soak")
    parser.add_argument("--json", metavar="FILE", help="the same as JSON")
    parser.add_argument("--preload", metavar="LIBRARY", help="for the agent: to see that a soak can fail")
    parser.add_argument("--inside", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    return inside(options) if options.inside else outside(options, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
