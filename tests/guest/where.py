# SPDX-License-Identifier: MIT
"""Makes the modules of the lab (processes, ports) and of the other guests (packages) importable from here."""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
REPO = TESTS.parent
HERE = TESTS / "guest"
FOLDER = REPO / "build" / "guest"
sys.path[1:1] = [str(TESTS / "vm"), str(TESTS / "lab")]
