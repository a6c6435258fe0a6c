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
