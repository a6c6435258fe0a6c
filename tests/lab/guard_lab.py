# SPDX-License-Identifier: MIT
"""What the tests of `hostingpictl guard` share: a state file that lives, the guard, and its family.

Theory of operation: Machine stands in for the agent: it writes the state file by rename, as the agent
does, and renews its time in a thread. Every process that a guard has started carries the name of the
scratch folder in its environment; by that it is found, whatever group, session or parent it has now,
and ended after the test.
"""

import contextlib
import json
import os
import pathlib
import signal
import threading
import time

import harness
from process import Process, wait_until

CTL = harness.BUILD / "hostingpictl"
OURS = ("hostingpictl", "guard-watcher")
PATIENCE_S = 60


class Machine:
    """The state file of a machine whose state is set by the test."""

    def __init__(self, scratch, state="normal", **members):
        self.path = scratch.path / "state"
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.say(state, **members)
        threading.Thread(target=self._renew, daemon=True).start()

    def say(self, state, **members):
        document = {"ts": int(time.time() * 1000), "pid": os.getpid(), "state": state, **members}
        self.put(json.dumps(document))

    def put(self, text):
        new = self.path.with_suffix(".new")
        with self.lock:
            new.write_text(text, encoding="utf-8")
            new.rename(self.path)

    def _renew(self):
        while not self.over.wait(0.2):
            with self.lock, contextlib.suppress(OSError):
                os.utime(self.path)

    def close(self):
        self.over.set()


class Guard(Process):
    """A running guard; what it and its job say goes to its log."""

    def __init__(self, scratch, state, words, options=("-v",), name="guard"):
        super().__init__(scratch, name)
        self.words = ["guard", "--state", state, *options, "--", *words]

    def argv(self):
        return [CTL, *self.words]

    def spawn(self, **pipes):
        os.environ["GUARD_LAB"] = str(self.scratch.path)
        try:
            return super().spawn(**pipes)
        finally:
            del os.environ["GUARD_LAB"]

    def send(self, number):
        """To the guard alone, not to its process group."""
        os.kill(self.pid, number)

    def wait_said(self, text, times=1):
        log = self.log

        def said():
            return log.exists() and log.read_text(errors="replace").count(text) >= times

        wait_until(said, PATIENCE_S, f"{times} x {text!r} of the guard")

    def said(self, text):
        return text in self.log.read_text(errors="replace")

    def watcher(self):
        for pid in everybody(self.scratch):
            if comm(pid) == "guard-watcher":
                return pid
        return None

    def family(self):
        """The processes of the job."""
        return [pid for pid in everybody(self.scratch) if comm(pid) not in OURS]


def fields(pid):
    """State, parent and so on of /proc/PID/stat; none if it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def comm(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text(errors="replace").rstrip("\n")
    return ""


def letter(pid):
    """R, S, T ...; X: gone."""
    return (fields(pid) or ["X"])[0]


def is_stopped(pid):
    return letter(pid) == "T"


def lives(pid):
    return letter(pid) not in "XZ"


def everybody(scratch):
    """All living processes that were started for this scratch folder, ours as well."""
    mark = f"GUARD_LAB={scratch.path}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                environ = pathlib.Path(f"/proc/{entry}/environ").read_bytes()
                if mark in environ.split(b"\0") and lives(int(entry)):
                    found.append(int(entry))
    return found


def wait_all(pids, stopped, what=None):
    wait_until(
        lambda: all(is_stopped(pid) == stopped for pid in pids),
        PATIENCE_S,
        what or ("all to be stopped" if stopped else "all to go on"),
    )


def end_everybody(scratch):
    for pid in everybody(scratch):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
