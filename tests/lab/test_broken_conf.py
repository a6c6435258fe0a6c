# SPDX-License-Identifier: MIT
"""Broken configurations: `hostingpid -t` tells every mistake with file, line and what was expected.

Each broken/NN-name.conf has a NN-name.expect with one line per message: the line number and the
text, where "..." stands for any text (limits and lists that may change).
"""

import pathlib
import re
import subprocess

import harness
import pytest

BROKEN = sorted((pathlib.Path(__file__).parent / "broken").glob("*.conf"))


def check(path):
    """Runs hostingpid -t on a file; returns its exit code and all that it says."""
    done = subprocess.run(
        [harness.BUILD / "hostingpid", "-c", path, "-t"],
        cwd=harness.REPO,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=harness.DEADLINE_S,
    )
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def pattern(path, line):
    return ".*".join(re.escape(part) for part in f"{path.name}:{line}".split("..."))


def test_there_are_enough():
    assert len(BROKEN) >= 20


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken(path):
    expected = path.with_suffix(".expect").read_text().splitlines()
    code, said = check(path)
    told = [line for line in said.splitlines() if path.name in line]
    assert code == 2, said
    assert len(told) == len(expected), said
    for message, line in zip(told, expected):
        assert re.search(pattern(path, line), message), f"{message}\ninstead of\n{line}"


def test_drop_in_is_named(scratch):
    """A mistake in a drop-in is told with the name of the drop-in; the other files still count."""
    path = scratch.path / "main.conf"
    path.write_text("[agent]\ninterval = 2s\n")
    (scratch.path / "main.conf.d").mkdir()
    (scratch.path / "main.conf.d" / "10-good.conf").write_text("[agent]\ninterval = 3s\n")
    assert check(path)[0] == 0
    (scratch.path / "main.conf.d" / "20-bad.conf").write_text("\n[agent]\nintervall = 4s\n")
    code, said = check(path)
    assert code == 2
    assert "main.conf.d/20-bad.conf:3: [agent] intervall: unknown key" in said


def test_unreadable(scratch):
    code, said = check(scratch.path / "none.conf")
    assert code == 2
    assert "none.conf: cannot be read: No such file or directory" in said
