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


def test_where_the_key_is_set_that_counts(scratch):
    """Also what only shows when all keys are known: between keys, between sections, in a file that is named."""
    path = scratch.path / "main.conf"
    path.write_text("[mqtt]\nhost = good\ncredential_file = /nowhere/first\n[haproxy]\nlisten = :9777\n")
    (scratch.path / "main.conf.d").mkdir()
    drop_in = scratch.path / "main.conf.d" / "50-site.conf"

    def error(text):
        drop_in.write_text(text)
        code, said = check(path)
        assert code == 2
        return said.partition("error: ")[2]

    assert error("").startswith(f"{path}:3: [mqtt] credential_file: /nowhere/first: No such file")
    assert error("# site\n\n[mqtt]\n  credential_file = /nowhere/second\n").startswith(
        f"{drop_in}:4: [mqtt] credential_file: /nowhere/second: No such file"
    )
    assert error("[mqtt]\nport = 1\nhost = 'q'\n").startswith(f"{drop_in}:3: [mqtt] host must be written")
    assert error("[http]\nlisten = :9777\n").startswith(f"{drop_in}:2: [http] listen: [::]:9777 is taken by")
    # The key of which the sentence speaks is set nowhere.
    assert error("[mqtt]\ncert_file = /x\n").startswith(f"{path}: [mqtt] key_file must be set, too")
    x = "[post]\nservice = x\n[x]\ncredential_file = /nowhere/x\n[mqtt]\ncredential_file =\n"
    assert error(x).startswith(f"{drop_in}:4: [x] credential_file: /nowhere/x: No such file")
    url = "[post]\nservice = x\n[mqtt]\ncredential_file =\n[x]\nurl = http://a\n"
    assert error(url).startswith(f"{drop_in}:6: [x] url must be https://")


def test_unreadable(scratch):
    code, said = check(scratch.path / "none.conf")
    assert code == 2
    assert "none.conf: cannot be read: No such file or directory" in said
