# SPDX-License-Identifier: MIT
"""What the agent logged, by text: numbers and names of messages are left out.

Theory of operation: the log is read on from where the last look ended, and each window (a trouble and the
calm after it) is counted for itself. Whatever repeats in one window beyond a limit repeats without bound.
"""

import collections
import re

HASH = re.compile(r"[0-9a-f]{8}-[0-9a-f]{8}|\d+(?:\.\d+)?")
LENGTH = 100
# Said once for each message and each reload that was asked for.
ASKED_FOR = ("message asked for", "post: message", "configuration taken over")


class Journal:
    def __init__(self, path):
        self.folder = str(path.parent)
        self.file = open(path, "rb")
        self.rest = b""
        self.all = collections.Counter()
        self.window = collections.Counter()
        self.most = {}  # text: (most in one window, what the trouble was)

    def read(self):
        *lines, self.rest = (self.rest + self.file.read()).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").replace(self.folder, "")
            text = HASH.sub("#", text)[:LENGTH]
            self.window[text] += 1

    def end_window(self, trouble):
        """What repeated most in it: (text, number), or None if nothing was said."""
        self.read()
        for text, number in self.window.items():
            if number > self.most.get(text, (0, ""))[0]:
                self.most[text] = (number, trouble)
        self.all.update(self.window)
        unasked = [row for row in self.window.items() if not row[0].startswith(ASKED_FOR)]
        self.window.clear()
        return max(unasked, key=lambda row: row[1], default=None)
