# SPDX-License-Identifier: MIT
"""T= of the checks in machines: a word that no check has is refused, before anything is made."""

import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("program", ["boot/check_boot.py", "guest/check_guest.py"])
def test_a_misspelt_check_is_refused_with_the_names(program):
    done = subprocess.run(
        [sys.executable, "-B", TESTS / program, "--only", "restart,rsetart"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done
    assert "'rsetart'" in done.stderr and "restart" in done.stderr.partition("there are: ")[2]
