# SPDX-License-Identifier: MIT
"""hostingpictl watch on a terminal: what stands on the screen, keys, sizes, signals, job control.

Theory of operation: most tests ask a stand-in for the agent (fake_agent.py), whose answers are known
to the digit, so that the content of the screen can be compared; an emulator (terminal.py) says what
a person would see. The screens themselves are held by the unit test of the view at all sizes.
"""

import os
import re
import signal
import termios

import fake_agent
import pytest
from harness import REPO
from process import wait_until
from test_ctl import CTL, ENTER, LEAVE, Terminal

from terminal import Terminal as AnyTerminal

KEYS = "q quit   space pause   d day   e events   ? help"
UTC = {"TZ": "UTC"}


@pytest.fixture
def fake(scratch):
    return fake_agent.FakeAgent(scratch.path / "fake.sock")


@pytest.fixture
def watch(fake):
    """A function that starts watch on a terminal of a size."""
    started = []

    def start(rows=24, columns=80, words=(), env=None):
        started.append(
            Terminal(
                "--socket",
                fake.path,
                "watch",
                *words,
                rows=rows,
                columns=columns,
                env={**UTC, **(env or {})},
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.kill()


def shown(terminal):
    """The screen of a whole frame: its last row has the keys."""
    return terminal.wait_screen(lambda text: "q quit" in text and text, "a frame")


@pytest.mark.parametrize("how", [b"q", b"\x03", signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_end(watch, how):
    terminal = watch()
    shown(terminal)
    assert not terminal.emulator.cursor and terminal.emulator.alternate
    if isinstance(how, bytes):
        terminal.type(how)
    else:
        terminal.signal(how)
    terminal.end()
    assert terminal.output.count(ENTER) == terminal.output.count(LEAVE) == 1
    assert terminal.output.rstrip().endswith(LEAVE)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_leaves_the_terminal_usable(watch, number):
    terminal = watch()
    shown(terminal)
    terminal.signal(number)
    # A sanitizer build ends by itself.
    assert terminal.popen.wait(30) != 0
    assert termios.tcgetattr(terminal.slave) == terminal.before
    wait_until(lambda: terminal.emulator.cursor, what="the cursor")
    assert not terminal.emulator.alternate


@pytest.mark.parametrize(
    "rows, columns", [(10, 40), (24, 40), (24, 80), (24, 132), (50, 100), (60, 300), (100, 200)]
)
def test_fits_the_window(watch, rows, columns):
    terminal = watch(rows, columns)
    text = shown(terminal)
    lines = text.split("\n")
    assert lines[0].startswith("pi-attic  hostingpid 1.0")
    # The clock ends in the last column, which the clearing of the rest must leave.
    if columns >= 80:
        assert re.search(r" \d\d:\d\d:\d\d$", lines[0]) and len(lines[0]) == columns
    assert lines[1].startswith(" ▼ SHED   ") and "memory low" in lines[1]
    assert lines[-1].startswith("q quit  ") and len(lines) == rows
    assert re.search(r"^  weight +45 %  █+░+", text, re.MULTILINE)
    assert re.search(r"^  headroom +197\.8 MiB  █+░*┃", text, re.MULTILINE)
    assert re.search(r"^  headroom +197\.8 MiB  [▁-█]+", text, re.MULTILINE)
    if rows >= 24:
        assert "lb1/pis  2001:db8::1   45 %" in text
        assert "12:30:31  " in text or "14:58:51  " in text
    if rows >= 50:
        assert "mem.psi_some_ratio  PSI is off" in text and "taller" not in text
    terminal.type(b"q")
    terminal.end()
    assert terminal.emulator.overruns == terminal.emulator.scrolls == 0


def test_follows_the_size(watch):
    terminal = watch(24, 80)
    shown(terminal)
    for rows, columns in ((10, 40), (40, 120), (5, 30), (24, 80)):
        terminal.size(rows, columns)
        terminal.wait_screen(
            lambda text, rows=rows: text.split("\n")[-1].startswith("q quit")
            and len(text.split("\n")) == rows
            and "SHED" in text,
            f"a frame of {rows} x {columns}",
        )
    terminal.type(b"q")
    terminal.end()
    assert terminal.emulator.scrolls == 0


def test_keys(watch, fake):
    terminal = watch(50, 100)
    for keys, words in (
        (b"", "last hour ─"),
        (b"d", "last day ─"),
        (b"h", "last hour ─"),
        (b"\x1b[D", "last hour ─"),  # a cursor key is not its last letter
        (b"?", "space   pause, and go on"),
        (b"?", "last hour ─"),
        (b"e", "hostingpid 1.0 was started"),
        (b"e", "last hour ─"),
    ):
        terminal.type(keys)
        terminal.wait_screen(lambda text, words=words: words in text, words)
    spans = {request.get("span") for request in fake.requests if request["command"] == "history"}
    assert spans == {"hour", "day"}
    # While it is paused nothing is asked, and nothing changes.
    terminal.type(b" ")
    terminal.wait_screen(lambda text: "paused: space goes on" in text, "the pause")
    asked = len(fake.requests)
    changed = {**fake_agent.status(), "id": "pi-cellar"}
    fake.answers["status"] = lambda request: changed
    terminal.size(24, 80)
    terminal.wait_screen(lambda text: text.count("\n") == 23 and "paused" in text, "the size")
    assert "pi-attic" in terminal.screen() and len(fake.requests) == asked
    terminal.type(b" ")
    terminal.wait_screen(lambda text: "pi-cellar" in text, "what is new")
    terminal.type(b"q")
    terminal.end()


def test_the_agent_goes_and_comes_back(watch, fake):
    terminal = watch()
    shown(terminal)
    fake.stop()
    text = terminal.wait_screen(lambda text: "NO AGENT" in text and text, "that it is away")
    assert "nobody listens on" in text and "197.8 MiB" in text  # as last known
    fake.start()
    terminal.wait_screen(lambda text: "▼ SHED" in text, "that it is back")
    terminal.type(b"q")
    terminal.end()


def test_an_agent_that_keeps_no_history(watch, fake):
    for command in ("history", "events"):
        del fake.answers[command]
    terminal = watch()
    text = shown(terminal)
    assert "nothing yet" in text and "none since the agent was started" in text
    assert "197.8 MiB" in text
    terminal.type(b"q")
    terminal.end()


def test_count_prints_the_last_frame(watch):
    terminal = watch(10, 100, words=("-n", "2"))
    terminal.end()
    text = terminal.output.rpartition(LEAVE)[2].decode()
    # Not cut to the window, because it scrolls: everything, and no keys.
    assert "mem.psi_some_ratio" in text and "q quit" not in text


def test_suspended_and_back(watch):
    terminal = watch()
    shown(terminal)
    terminal.signal(signal.SIGTSTP)
    _, status = os.waitpid(terminal.popen.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    terminal.wait_for(LEAVE)
    wait_until(lambda: terminal.emulator.cursor, what="the cursor")
    assert termios.tcgetattr(terminal.slave) == terminal.before
    terminal.signal(signal.SIGCONT)
    terminal.wait_for(ENTER, times=2)
    shown(terminal)
    terminal.type(b"q")
    terminal.end()


def test_job_control_of_a_shell(fake):
    """Ctrl-Z, bg (it must not write where the shell does), fg, q."""
    shell = AnyTerminal("dash", "-i", env={**UTC, "TERM": "dumb", "PS1": "ready> "})

    def command(text):
        shell.type(text.encode() + b"\n")

    shell.wait_screen(lambda text: "ready>" in text, "a prompt")
    command(f"TERM=xterm {CTL} --socket {fake.path} watch")
    shell.wait_screen(lambda text: KEYS in text, "a frame")
    shell.type(b"\x1a")
    shell.wait_screen(lambda text: "Stopped" in text or "Suspended" in text, "the shell again")
    assert not shell.emulator.alternate and shell.emulator.cursor
    frames = shell.output.count(b"\x1b[H")
    command("bg")
    command("sleep 0; jobs")
    shell.wait_screen(lambda text: text.rstrip().endswith("ready>") and "jobs" in text, "bg")
    assert shell.output.count(b"\x1b[H") == frames
    command("fg")
    shell.wait_screen(lambda text: KEYS in text, "a frame again")
    shell.type(b"q")
    shell.wait_screen(lambda text: text.rstrip().endswith("ready>"), "the shell")
    command("exit")
    assert shell.popen.wait(30) == 0
    os.close(shell.slave)


def test_colours_and_signs(watch):
    pens = {}
    for name, env in (("colour", {}), ("none", {"NO_COLOR": "1"}), ("ascii", {"LC_ALL": "C"})):
        terminal = watch(env=env)
        text = shown(terminal)
        cells = [cell for row in terminal.emulator.page.cells for cell in row]
        pens[name] = {pen for _, pen in cells}
        assert ("v SHED" if name == "ascii" else "▼ SHED") in text
        terminal.type(b"q")
        terminal.end()
        if name == "ascii":
            assert terminal.output.isascii() and "[####" in text
    assert pens["none"] == {()} and {(33, 7), (1,), (36,)} <= pens["colour"]


def test_a_terminal_that_knows_nothing(watch):
    terminal = watch(words=("-n", "2"), env={"TERM": "dumb"})
    terminal.end()
    assert b"\x1b" not in terminal.output and terminal.output.count(b"\n") == 2
    assert re.match(rb"\d\d:\d\d:\d\d  shed  weight 45", terminal.output)


def test_colours_of_the_status(fake):
    words = ("--socket", fake.path, "status")
    terminal = Terminal(*words)
    terminal.end()
    assert b"\x1b[33m" in terminal.output and terminal.emulator.overruns > 0
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        terminal = Terminal(*words, env=env)
        terminal.end()
        assert b"\x1b" not in terminal.output and b"headroom" in terminal.output


def test_with_the_real_agent(start_agent):
    agent = start_agent()
    source = (REPO / "agent/ctl/curves.c").read_text(encoding="utf-8")
    wanted = re.findall(r'\{"([a-z]+\.[a-z0-9_]+)", "', source)
    kept = {series["name"] for series in agent.ask("history")["series"]}
    assert len(wanted) > 5 and set(wanted) <= kept
    terminal = Terminal("--socket", agent.run_dir / "control.sock", "watch")
    terminal.wait_screen(lambda text: re.search(r"^  headroom .*[▁-█]  ", text, re.M), "a curve")
    agent.ask("drain", reason="new card")
    terminal.wait_screen(lambda text: "■ HOLD" in text and "new card" in text, "the hold")
    agent.kill()
    terminal.wait_screen(lambda text: "NO AGENT" in text, "that it is away")
    agent.start()
    terminal.wait_screen(lambda text: "NO AGENT" not in text, "that it is back")
    terminal.type(b"q")
    terminal.end()
