# SPDX-License-Identifier: MIT
"""The daemon's posting notifier on a clock of its own (tests/post/drive.c), spoken to line by line."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile

from harness import BUILD
from post_lab import MEMORY, child_of


class Drive:
    """One life after the other over the same outbox; the clock goes on through all of them."""

    def __init__(self, scratch, config, start_s=1000):
        self.folder = tempfile.TemporaryDirectory(prefix="hostingpi-", dir=MEMORY)
        self.run_dir = pathlib.Path(self.folder.name)
        self.config = config
        self.log = scratch.path / f"drive-{self.run_dir.name}.log"
        self.second = start_s
        self.events = []  # (second, text)
        self.popen = None

    def start(self):
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [BUILD / "post" / "drive", self.config, self.run_dir, str(self.second)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "TZ": "UTC"},
                text=True,
            )
        return self

    def say(self, *words):
        """Returns the lines of the answer; None if that life ended meanwhile."""
        lines = []
        try:
            self.popen.stdin.write(" ".join(str(word) for word in words) + "\n")
            self.popen.stdin.flush()
        except BrokenPipeError:
            return None
        for line in self.popen.stdout:
            line = line.rstrip("\n")
            if line == ".":
                return lines
            lines.append(line)
            second, _, text = line.partition(" ")
            if second.isdigit():
                self.second = max(self.second, int(second))
                self.events.append((int(second), text))
        return None

    def message(self, name, text):
        answer = self.say("message", name, text)
        assert not answer, answer

    def run(self, seconds, verb="run"):
        before = self.second
        if self.say(verb, seconds) is None:
            return False
        self.second = before + seconds if verb == "run" else self.second
        return True

    def drain(self, seconds):
        return self.run(seconds, "drain")

    def status(self):
        return json.loads(self.say("status")[0])

    def poster_pid(self):
        """The running hostingpi-post, or None."""
        return child_of(self.popen.pid)

    def kill(self):
        self.popen.send_signal(signal.SIGKILL)

    def reap(self):
        """Its input ends here, so it ends."""
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()
        self.popen.stdout.close()
        self.popen.wait(60)

    def close(self):
        if self.popen:
            self.reap()
        self.folder.cleanup()
