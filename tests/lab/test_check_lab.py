# SPDX-License-Identifier: MIT
"""tests/check-lab.sh itself: a file whose report is not there did not pass."""

import subprocess

import harness
import pytest


def run(scratch, body, options):
    """With a Python whose pytest does what body says; REPORT is where its report goes."""
    script = [
        "#!/bin/sh",
        'case "$*" in *" pytest "*) ;; *) exec /usr/bin/python3 "$@" ;; esac',
        'for word; do case "$word" in --junit-xml=*) REPORT=${word#*=} ;; esac; done',
        body,
    ]
    python = scratch.file("python", "\n".join(script))
    python.chmod(0o755)
    (scratch.path / "tests").symlink_to(harness.REPO / "tests")
    command = ["sh", "tests/check-lab.sh", python, *options]
    return subprocess.run(
        command, cwd=scratch.path, timeout=120, capture_output=True, text=True, check=False
    )


PASSED = 'echo "<r><testsuite tests=\'1\'/></r>" >"$REPORT"'
ONE = 'case "$REPORT" in */test_ctl.xml|*/all.xml)'


@pytest.mark.parametrize("options", [[], ["-k", "name"]], ids=["files", "one"])
@pytest.mark.parametrize(
    "body, good",
    [
        (PASSED, True),
        (f"{ONE} exit 0 ;; esac; {PASSED}", False),  # os._exit(0) in the middle
        (f"{ONE} echo '<r><tests' >\"$REPORT\"; exit 0 ;; esac; {PASSED}", False),
        (f"{ONE} kill -SEGV $$; exit 139 ;; esac; {PASSED}", False),  # init ignores it
        (f"{PASSED}; {ONE} exit 1 ;; esac; exit 0", False),
    ],
    ids=["passed", "no report", "half a report", "crash", "failed"],
)
def test_verdict(scratch, options, body, good):
    done = run(scratch, body, options)
    assert (done.returncode == 0) == good, done.stdout + done.stderr


def report(*names):
    cases = (
        f"<testcase classname='tests.lab.test_ctl' name='{name}'>"
        f"<failure message='why {name}'/></testcase>"
        for name in names
    )
    count = len(names)
    return f"<r><testsuite tests='{count}' failures='{count}'>{''.join(cases)}</testsuite></r>"


def judge_again(scratch, names, second):
    """Where these tests of test_ctl fail, and a second attempt does what second says."""
    again = f'case "$REPORT" in */again-*) printf "%s " "$*" >>words; {second} ;; esac'
    first = f'case "$REPORT" in */test_ctl.xml) echo "{report(*names)}" >"$REPORT"; exit 1 ;; esac'
    done = run(scratch, f"{again}; {first}; {PASSED}", [])
    words = scratch.path / "words"
    return done, words.read_text() if words.exists() else ""


GOOD = (
    "echo \"<r><testsuite tests='1'><testcase classname='tests.lab.test_ctl' name='test_a'/>"
    '</testsuite></r>" >"$REPORT"; exit 0'
)


def test_a_second_attempt_that_passes(scratch):
    done, words = judge_again(scratch, ["test_a"], GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert words.split()[-1] == "tests/lab/test_ctl.py::test_a"
    assert "failed at first, passed alone: test_ctl::test_a\n  why test_a\n" in done.stdout
    assert " 1 passed only alone, 0 failed, " in done.stdout


def test_a_second_attempt_that_fails(scratch):
    done, _ = judge_again(scratch, ["test_a"], f'echo "{report("test_a")}" >"$REPORT"; exit 1')
    assert done.returncode != 0
    assert "check-lab: FAILED test_ctl::test_a\n  why test_a\n" in done.stdout
    assert " passed, 1 failed, " in done.stdout


@pytest.mark.parametrize("second", ["exit 0", "kill -SEGV $$; exit 139"], ids=["nothing", "crash"])
def test_a_second_attempt_without_a_report(scratch, second):
    done, _ = judge_again(scratch, ["test_a"], second)
    assert done.returncode != 0


def test_one_of_two_passes(scratch):
    bad = f'case "$*" in *::test_b*) echo "{report("test_b")}" >"$REPORT"; exit 1 ;; esac'
    done, words = judge_again(scratch, ["test_a", "test_b"], f"{bad}; {GOOD}")
    assert words.count("::") == 2
    assert done.returncode != 0
    assert " 1 passed only alone, 1 failed, " in done.stdout


def test_many_failures_have_no_second_attempt(scratch):
    done, words = judge_again(scratch, ["test_a", "test_b", "test_c", "test_d"], GOOD)
    assert done.returncode != 0
    assert words == ""
    assert " 4 failed, " in done.stdout
