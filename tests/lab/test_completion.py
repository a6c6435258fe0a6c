# SPDX-License-Identifier: MIT
"""Completion in real shells: every command and every option that --help names, and what only the agent knows.

Theory of operation: the help of each program says what there is; bash and zsh are asked what they would
complete. bash tells it to a function call. zsh does so to its line editor only, so an interactive one
runs on a pseudo terminal that knows no escape sequences, and is asked to list the choices.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import termios
import time

import harness
import pytest
from process import DEADLINE_S, LabError
from test_ctl import ctl

FOLDER = harness.REPO / "completion"
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed (apt: zsh)")


def commands():
    """{command: options} as hostingpictl's help has it."""
    names = re.findall(r"^  ([a-z]+)\b", ctl("--help").stdout, re.MULTILINE)
    # What a description mentions (\"with --x\") is no option of it: those begin a line.
    found = {}
    for name in dict.fromkeys(names):
        text = ctl("help", name).stdout
        lines = [line for line in text.splitlines() if re.match(r" +-", line)]
        found[name] = {option for line in lines for option in OPTION.findall(line[:24])}
    return found


COMMANDS = commands()
CASES = [
    *((["hostingpictl", name, "--"], options) for name, options in COMMANDS.items()),
    (["hostingpictl", ""], set(COMMANDS)),
    (["hostingpictl", "help", ""], set(COMMANDS)),
    (["hostingpictl", "--json", "dr"], {"drain"}),
    (["hostingpictl", "history", "--span", ""], {"hour", "day"}),
    (["hostingpictl", "limits", ""], {"apache", "php-fpm", "nginx"}),
    (["hostingpid", "-l", ""], {"error", "warning", "notice", "info", "debug"}),
    (["hostingpi-post", "--service", ""], {"x", "mastodon"}),
]


def help_of(program):
    text = subprocess.run(
        [harness.BUILD / program, "--help"], capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in text.splitlines() if re.match(r" +-", line)]
    return {option for line in lines for option in OPTION.findall(line[:24])}


for other in ("hostingpid", "hostingpi-post"):
    CASES.append(([other, "--"], help_of(other)))


def environment(**more):
    path = f"{harness.BUILD}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", **more}


def in_bash(words, **more):
    """What bash would offer behind these words, of which the last is being typed."""
    script = (
        f"for file in {FOLDER}/*.bash; do . $file; done\n"
        'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n'
        'completer=$(complete -p "$1") && completer=${completer##*-F } && ${completer% *}\n'
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(**more),
        check=False,
    )
    assert done.stderr == "", done.stderr
    return done.stdout.split()


PROMPT = "type here>"


class Zsh:
    """An interactive zsh with our completions."""

    def __init__(self, scratch, **more):
        # What it remembers of its completions, in a folder of ours.
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (500, 200))
        variables = environment(TERM="dumb", ZDOTDIR=str(scratch.path), PS1="", **more)
        self.popen = subprocess.Popen(
            ["zsh", "-f", "-i"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=variables,
            start_new_session=True,
        )
        os.close(slave)
        self.ask(
            f"PS1='{PROMPT}'; unset zle_bracketed_paste; unsetopt prompt_sp; fpath=({FOLDER} $fpath); LISTMAX=0; "
            f"autoload -U compinit && compinit -u -d {scratch.path}/zcompdump; "
            "zstyle ':completion:*' list-grouped false; setopt no_beep; echo read''y\n",
            "ready",
        )

    def ask(self, text, until):
        """What is shown between text and a line that comes back; then the next prompt stands there."""
        os.write(self.master, text.encode())
        shown, end = "", time.monotonic() + DEADLINE_S
        # The line editor is there with its prompt; what is typed before gets to the kernel's.
        while PROMPT not in shown.partition(f"{until}\r")[2]:
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise LabError(f"zsh: waited for {until}; there stands {shown!r}")
            shown += os.read(self.master, 65536).decode(errors="replace")
        return shown

    def offers(self, words):
        """The words of the list of choices: Ctrl-D lists, Ctrl-U takes the line away."""
        shown = self.ask(" ".join(words) + "\x04\x15echo do''ne\n", "done")
        return shown.partition("done\r")[0].split()

    def close(self):
        self.popen.kill()
        self.popen.wait()
        os.close(self.master)


@pytest.fixture
def zsh(scratch):
    shells = []

    def start(**more):
        shells.append(Zsh(scratch, **more))
        return shells[-1]

    yield start
    for one in shells:
        one.close()


def names(case):
    return " ".join(case[0])


def test_the_help_is_read():
    assert {"status", "watch", "history", "events", "drain", "ready", "post"} <= set(COMMANDS)
    assert {"reason", "for", "rehearse", "socket"} <= COMMANDS["drain"]
    assert {"min-headroom", "max-wait"} <= COMMANDS["guard"]


@pytest.mark.parametrize("words, wanted", CASES, ids=[names(case) for case in CASES])
def test_bash(words, wanted):
    offered = {word.removeprefix("--") for word in in_bash(words)}
    assert wanted <= offered


@needs_zsh
def test_zsh(zsh):
    shell = zsh()
    for words, wanted in CASES:
        offered = {word.removeprefix("--").rstrip("=") for word in shell.offers(words)}
        if len(wanted) > 1:
            assert wanted <= offered, (words, wanted - offered)


@pytest.fixture
def agent(start_agent):
    return start_agent()


def test_readings_from_the_agent(agent, zsh):
    kept = {series["name"] for series in agent.ask("history")["series"]}
    assert len(kept) > 5
    control = str(agent.run_dir / "control.sock")
    for words in (["history", ""], ["history", "--span", "day", ""]):
        assert kept <= set(in_bash(["hostingpictl", *words], HOSTINGPI_SOCKET=control))
    words = ["hostingpictl", "--socket", control, "history", "mem."]
    assert "mem.headroom_bytes" in in_bash(words, HOSTINGPI_SOCKET="/nowhere")
    assert in_bash(["hostingpictl", "--socket", "/nowhere", "history", "mem"]) == []
    if shutil.which("zsh"):
        shell = zsh(HOSTINGPI_SOCKET=control)
        assert kept <= set(shell.offers(["hostingpictl", "history", ""]))


def test_a_name_is_no_shell_text(scratch):
    """What answers at a socket may be anybody's."""
    fake = scratch.path / "hostingpictl"
    bad = '{"name": "$(touch ' + str(scratch.path / "evil") + ')"}, {"name": "mem.good"}'
    fake.write_text(f"#!/bin/sh\ncat <<'END'\n{bad}\nEND\n", encoding="ascii")
    fake.chmod(0o755)
    path = f"{scratch.path}:{os.environ['PATH']}"
    assert "mem.good" in in_bash(["hostingpictl", "history", ""], PATH=path)
    assert not (scratch.path / "evil").exists()


def test_what_guard_runs(zsh):
    assert "rsync" in in_bash(["hostingpictl", "guard", "--", "rsyn"]) or not shutil.which("rsync")
    for words in (["guard", "--", "mkfif"], ["guard", "mkfif"], ["guard", "--max-wait", "2h", "mkfif"]):
        assert "mkfifo" in in_bash(["hostingpictl", *words])
    if shutil.which("zsh"):
        shell = zsh()
        for words in (["--", "mkfif"], ["mkfif"], ["--max-wait=2h", "--", "nice", "mkfif"]):
            assert "mkfifo" in shell.offers(["hostingpictl", "guard", *words])


def test_the_manual_names_the_same():
    page = (harness.REPO / "man/hostingpictl.1").read_text(encoding="utf-8")
    options = set().union(*COMMANDS.values())
    assert options == set(re.findall(r"Fl Fl ([a-z-]+)", page))
    synopsis = page[page.index(".Sh SYNOPSIS") : page.index(".Sh DESCRIPTION")]
    described = page[page.index(".Sh DESCRIPTION") : page.index(".Sh ENVIRONMENT")]
    exits = page[page.index(".Sh EXIT STATUS") : page.index(".Sh EXAMPLES")]
    for name in COMMANDS:
        assert re.search(rf"^\.Cm {name}\b", synopsis, re.MULTILINE), name
        assert re.search(rf"^\.It Cm {name}\b", described, re.MULTILINE), name
        assert re.search(rf"\b{name}\b", exits), name


def test_installed(tmp_path):
    words = ["make", "-s", "-n", "install", f"DESTDIR={tmp_path}"]
    done = subprocess.run(words, cwd=harness.REPO, capture_output=True, text=True, check=True)
    for name in ("hostingpid", "hostingpictl", "hostingpi-post"):
        assert f"/completions/{name} " in done.stdout + " "
        assert f"/site-functions/_{name}" in done.stdout
