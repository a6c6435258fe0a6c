# SPDX-License-Identifier: MIT
"""The README's first command, by script, with the programs that are installed already."""

import os
import subprocess
import sys

from harness import BUILD, REPO


def test_the_first_command():
    command = [sys.executable, "-B", REPO / "tests/demo/run.py"]
    environment = os.environ | {"ONCE": "1", "HOSTINGPI_BUILD": str(BUILD)}
    done = subprocess.run(
        command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is left behind" in done.stdout
    assert "requests that failed: 0" in done.stdout
