# SPDX-License-Identifier: MIT
"""hostingpictl guard below an interactive shell: Ctrl-C, Ctrl-Z, fg, bg, and who may read the terminal."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading

import pytest
from guard_lab import CTL, PATIENCE_S, comm, everybody, fields, is_stopped, letter, wait_all
from process import wait_until

PROMPT = "READY> "


class Terminal:
    """bash on a pseudo-terminal; what it shows is kept."""

    def __init__(self, scratch, machine):
        self.scratch = scratch
        self.master, slave = pty.openpty()
        env = {**os.environ, "GUARD_LAB": str(scratch.path), "PS1": PROMPT, "TERM": "dumb"}
        env |= {"GUARD": f"{CTL} guard --state {machine.path} --", "HISTFILE": ""}
        self.shell = subprocess.Popen(
            ["setsid", "--ctty", "bash", "--norc", "--noprofile", "-i"],
            stdin=slave, stdout=slave, stderr=slave, env=env, cwd=scratch.path,
        )  # fmt: skip
        os.close(slave)
        self.text = ""
        self.seen = 0
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(PROMPT)
        self.line("bind 'set enable-bracketed-paste off'; stty -echo; set +o history")
        self.wait(PROMPT)

    def _read(self):
        while True:
            try:
                chunk = os.read(self.master, 4096)
            except OSError:
                return
            self.text += chunk.decode(errors="replace")

    def wait(self, pattern):
        """Until something new matches; returns the match."""

        def found():
            return re.compile(pattern).search(self.text, self.seen)

        try:
            match = wait_until(found, PATIENCE_S, repr(pattern))
        except Exception as error:
            raise AssertionError(f"{error}; on the terminal:\n{self.text[-3000:]}") from None
        self.seen = match.end()
        return match

    def line(self, text):
        os.write(self.master, text.encode() + b"\n")

    def key(self, letter):
        os.write(self.master, bytes([ord(letter) & 0x1F]))

    def job(self, name):
        """The process of that name, when all have taken theirs: there is one watcher and one guard."""

        def find():
            names = {}
            for pid in everybody(self.scratch):
                names.setdefault(comm(pid), []).append(pid)
            watchers = names.get("guard-watcher", ())
            if len(watchers) != 1 or len(names.get("hostingpictl", ())) != 1:
                return None
            # A shell's children have its name until they are what they are to be.
            return [
                pid
                for pid in names.get(name, ())
                if name == "hostingpictl" or (fields(pid) or [0, 0])[1] == str(watchers[0])
            ]

        return wait_until(find, PATIENCE_S, name)[0]

    def close(self):
        self.shell.kill()
        self.shell.wait()
        os.close(self.master)


@pytest.fixture
def terminal(scratch, machine):
    screen = Terminal(scratch, machine)
    yield screen
    screen.close()


def test_ctrl_c(terminal):
    terminal.line("$GUARD sleep 1000")
    terminal.job("sleep")
    terminal.key("c")
    terminal.wait(PROMPT)
    terminal.line("echo code=$?")
    terminal.wait("code=130")


def test_ctrl_c_comes_once(terminal):
    """A second one means something else to many programs."""
    script = (
        "import signal, time; n = []\n"
        "signal.signal(signal.SIGINT, lambda *_: (n.append(1), print('caught', len(n), flush=True)))\n"
        "print('here', flush=True)\nwhile True: time.sleep(0.1)\n"
    )
    path = terminal.scratch.file("count.py", script)
    terminal.line(f"$GUARD {sys.executable} {path}")
    for number in (1, 2, 3):
        terminal.wait("here" if number == 1 else f"caught {number - 1}")
        terminal.key("c")
    terminal.wait("caught 3")
    assert "caught 4" not in terminal.text
    terminal.key("\\")
    terminal.wait("Quit")
    terminal.wait(PROMPT)


def test_ctrl_c_while_paused(terminal, machine):
    terminal.line("$GUARD sleep 1000")
    sleep = terminal.job("sleep")
    machine.say("shed")
    wait_all([sleep], True)
    terminal.key("c")
    terminal.wait(PROMPT)
    terminal.line("echo code=$?")
    terminal.wait("code=130")


def test_ctrl_z_bg_fg(terminal):
    terminal.line("$GUARD sleep 1000")
    sleep, guard = terminal.job("sleep"), terminal.job("hostingpictl")
    for _ in range(2):
        terminal.key("z")
        terminal.wait("Stopped")
        terminal.wait(PROMPT)
        wait_all([sleep, guard], True)
        terminal.line("bg")
        wait_all([sleep, guard], False)
        terminal.wait(PROMPT)
        terminal.line("fg")
        terminal.wait("sleep 1000")
        # The shell says so first, and then gives the terminal away: until then the keys are its own.
        wait_until(lambda: os.tcgetpgrp(terminal.master) == os.getpgid(guard), what="the terminal to be the guard's")
    terminal.key("c")
    terminal.wait(PROMPT)


def test_ctrl_z_while_paused(terminal, machine):
    """It stays suspended when the user wants it back, until there is room again."""
    terminal.line("$GUARD sleep 1000")
    sleep, guard = terminal.job("sleep"), terminal.job("hostingpictl")
    machine.say("shed")
    terminal.wait("suspended 1 process,")
    terminal.key("z")
    terminal.wait("Stopped")
    wait_all([sleep, guard], True)
    terminal.line("fg")
    wait_until(lambda: letter(guard) == "S", what="the guard to go on")
    wait_all([sleep], True)
    machine.say("normal")
    terminal.wait("resumed after")
    wait_all([sleep], False)
    terminal.key("c")
    terminal.wait(PROMPT)


def test_it_was_stopped_before(terminal, machine):
    """Stopped by the user, it stays stopped; nothing is suspended while the guard itself is stopped."""
    terminal.line("$GUARD sleep 1000")
    sleep, guard = terminal.job("sleep"), terminal.job("hostingpictl")
    terminal.key("z")
    terminal.wait("Stopped")
    wait_all([guard, sleep], True)
    machine.say("shed")
    terminal.line("bg")
    wait_until(lambda: letter(guard) == "S", what="the guard to go on")
    terminal.wait("suspended 1 process,")
    wait_all([sleep], True)
    machine.say("normal")
    wait_all([sleep], False)
    os.kill(guard, signal.SIGTERM)
    terminal.line("wait %1; echo code=$?")
    terminal.wait("code=143")


def test_reading_the_terminal(terminal):
    terminal.line("$GUARD sh -c 'read line; echo got:$line:'")
    terminal.job("sh")
    terminal.line("some words")
    terminal.wait("got:some words:")
    terminal.wait(PROMPT)
    # In the background it may not: SIGTTIN stops all of it, and fg brings it back.
    terminal.line("$GUARD sh -c 'read line; echo got:$line:' &")
    guard = terminal.job("hostingpictl")
    wait_all([guard], True)
    terminal.line("fg")
    wait_all([guard], False)
    terminal.line("more words")
    terminal.wait("got:more words:")


def test_writing_in_the_background(terminal, machine):
    """SIGTTOU: with tostop the guard must not be stopped by its own messages."""
    terminal.line("stty tostop; $GUARD sleep 1000 & disown -h")
    sleep = terminal.job("sleep")
    for _ in range(2):
        machine.say("shed")
        wait_all([sleep], True)
        machine.say("normal")
        wait_all([sleep], False)
    assert not is_stopped(terminal.job("hostingpictl"))
    terminal.line("kill %1")


def test_others_of_the_pipeline_keep_the_terminal(terminal):
    """As less and ssh do, which read it while a guarded program writes to them."""
    terminal.line("$GUARD sh -c 'echo piped; sleep 0.2' | sh -c 'read a; read b </dev/tty; echo $a+$b'")
    wait_until(lambda: [p for p in everybody(terminal.scratch) if comm(p) == "sh"], what="sh")
    terminal.line("typed")
    terminal.wait(r"piped\+typed")


@pytest.mark.parametrize("number", ["SIGTTOU", "SIGSTOP"])
def test_a_job_that_tidies_up_before_it_stops(terminal, number):
    """As editors do on Ctrl-Z: the shell must not have the terminal before they are done."""
    script = (
        "import os, signal, time\n"
        "def stop(*_):\n"
        f" time.sleep(0.5); print('tidied', flush=True); os.kill(os.getpid(), signal.{number})\n"
        "signal.signal(signal.SIGTSTP, stop)\nprint('here', flush=True)\n"
        "while True: time.sleep(0.1)\n"
    )
    path = terminal.scratch.file("editor.py", script)
    terminal.line(f"$GUARD {sys.executable} {path}")
    terminal.wait("here")
    guard = terminal.job("hostingpictl")
    for _ in range(2):
        terminal.key("z")
        terminal.wait("tidied")
        assert "Stopped" not in terminal.text[: terminal.text.index("tidied")]
        terminal.wait("Stopped")
        wait_all([guard], True)
        terminal.line("fg")
        wait_all([guard], False)
    terminal.key("c")
    terminal.wait(PROMPT)


def test_somebody_wakes_the_job_alone(terminal):
    terminal.line("$GUARD sleep 1000")
    sleep, guard = terminal.job("sleep"), terminal.job("hostingpictl")
    terminal.key("z")
    terminal.wait("Stopped")
    wait_all([sleep, guard], True)
    os.kill(sleep, signal.SIGCONT)
    wait_all([sleep, guard], False)
    os.kill(sleep, signal.SIGTERM)
    terminal.line("wait %1; echo code=$?")
    terminal.wait("code=143")


def test_the_guard_is_killed_while_paused(terminal, machine):
    """The shell above sees its job end; the kernel must not hang up what was suspended."""
    terminal.line("$GUARD sh -c 'until [ -e end ]; do sleep 0.1; done; echo well >fate'")
    job, guard = terminal.job("sh"), terminal.job("hostingpictl")
    machine.say("shed")
    terminal.wait("suspended")
    wait_all([job], True)
    os.kill(guard, signal.SIGKILL)
    terminal.wait("Killed")
    wait_all([job], False)
    terminal.scratch.file("end", "")
    fate = terminal.scratch.path / "fate"
    wait_until(lambda: fate.exists() and fate.read_text() == "well\n", PATIENCE_S, "the job's end")
    # Before or after what the shell says of it.
    wait_until(lambda: "the guard was killed: its job is resumed" in terminal.text, what="its word")
