# SPDX-License-Identifier: MIT
"""A program on a pseudo terminal, and what stands on its screen.

Theory of operation: Emulator understands what hostingpictl writes and refuses everything else, so
that a sequence which slips in is found. It knows the normal and the alternate screen, the cursor,
the pen (colours and weight) of each cell, and counts what would be ugly: writing beyond the last
column, and lines that scroll the alternate screen. Terminal runs the program as the shell would:
in a session of its own, with the pseudo terminal as its controlling terminal.
"""

import contextlib
import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import threading
import unicodedata

from process import wait_until

SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")
PLAIN = ()  # the pen that is not set


class Page:
    """One screen of cells, each (character, pen)."""

    def __init__(self, rows, columns):
        self.resize(rows, columns)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [self.blank() for _ in range(rows)]
        self.row = self.column = 0

    def blank(self):
        return [(" ", PLAIN)] * self.columns

    def lines(self):
        return ["".join(character for character, _ in row).rstrip() for row in self.cells]


class Emulator:
    def __init__(self, rows, columns):
        self.pages = [Page(rows, columns), Page(rows, columns)]
        self.alternate = False
        self.cursor = True
        self.wrap = True
        self.pen = PLAIN
        self.overruns = 0  # characters beyond the last column, in whole
        self.scrolls = 0  # of the alternate screen
        self.rest = ""

    @property
    def page(self):
        return self.pages[self.alternate]

    def lines(self):
        return self.page.lines()

    def text(self):
        return "\n".join(self.lines())

    def resize(self, rows, columns):
        for page in self.pages:
            page.resize(rows, columns)

    def feed(self, text):
        text = self.rest + text
        at = 0
        while at < len(text):
            character = text[at]
            if character == "\x1b":
                match = SEQUENCE.match(text, at)
                if not match:
                    if len(text) - at > 16:
                        raise AssertionError(f"not a sequence: {text[at : at + 16]!r}")
                    break
                self._sequence(*match.groups())
                at = match.end()
                continue
            self._put(character)
            at += 1
        self.rest = text[at:]

    def _put(self, character):
        page = self.page
        if character == "\r":
            page.column = 0
        elif character == "\n":
            page.row += 1
            if page.row == page.rows:
                page.row -= 1
                page.cells = [*page.cells[1:], page.blank()]
                self.scrolls += self.alternate
        else:
            assert character >= " " and character != "\x7f", repr(character)
            width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            if page.column + width > page.columns:
                self.overruns += 1
                return
            page.cells[page.row][page.column] = (character, self.pen)
            page.column += width

    def _sequence(self, private, numbers, final):
        page = self.page
        if private:
            switch = {"h": True, "l": False}[final]
            if numbers == "1049":
                self.alternate = switch
                if switch:
                    self.page.resize(self.page.rows, self.page.columns)
            elif numbers == "25":
                self.cursor = switch
            elif numbers == "7":
                self.wrap = switch
            else:
                raise AssertionError(f"private mode {numbers}")
        elif final == "m":
            for number in numbers.split(";"):
                self.pen = PLAIN if number in ("", "0") else (*self.pen, int(number))
        elif final == "H" and not numbers:
            page.row = page.column = 0
        elif final == "K" and not numbers:
            # Behind the last column the cursor stands on it.
            for column in range(min(page.column, page.columns - 1), page.columns):
                page.cells[page.row][column] = (" ", PLAIN)
        elif final == "J" and not numbers:
            self._sequence("", "", "K")
            for row in range(page.row + 1, page.rows):
                page.cells[row] = page.blank()
        else:
            raise AssertionError(f"sequence {numbers}{final}")


class Terminal:
    """A program on a pseudo terminal of rows x columns; feed of its output to an Emulator."""

    def __init__(self, *words, env=None, rows=80, columns=100):
        self.output = b""
        self.emulator = Emulator(rows, columns)
        self.lock = threading.Lock()
        self.error = None
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (rows, columns))
        self.before = termios.tcgetattr(self.slave)
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": ""}
        self.popen = subprocess.Popen(
            [str(word) for word in words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**environment, **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.master, 65536):
                with self.lock:
                    self.output += data
                    self._feed(data)

    def _feed(self, data):
        """Bytes may end in the middle of a character: the emulator gets whole ones."""
        self._bytes = getattr(self, "_bytes", b"") + data
        try:
            text = self._bytes.decode()
        except UnicodeDecodeError as error:
            text = self._bytes[: error.start].decode()
            self._bytes = self._bytes[error.start :]
        else:
            self._bytes = b""
        try:
            self.emulator.feed(text)
        except AssertionError as error:
            self.error = self.error or error

    def lines(self):
        with self.lock:
            if self.error:
                raise self.error
            return self.emulator.lines()

    def screen(self):
        return "\n".join(self.lines())

    def wait_for(self, text, times=1):
        """Bytes that were written, so many times."""
        wait_until(lambda: self.output.count(text) >= times, what=f"{text!r} on the terminal")

    def wait_screen(self, predicate, what):
        """What stands there now."""
        try:
            return wait_until(lambda: predicate(self.screen()), what=what)
        except Exception as error:
            raise AssertionError(f"{error}; there stands:\n{self.screen()}") from None

    def size(self, rows, columns):
        with self.lock:
            self.emulator.resize(rows, columns)
            termios.tcsetwinsize(self.slave, (rows, columns))

    def type(self, keys):
        os.write(self.master, keys)

    def signal(self, number):
        self.popen.send_signal(number)

    def end(self, code=0):
        """The exit code; what was written is complete then, and the terminal as before."""
        found = self.popen.wait(30)
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.slave)
        self.thread.join(10)
        os.close(self.master)
        assert self.emulator.cursor and self.emulator.wrap and not self.emulator.alternate
        assert found == code, self.output[-2000:]
        return found

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
