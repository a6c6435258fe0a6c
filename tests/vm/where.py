# SPDX-License-Identifier: MIT
"""Makes the lab's modules (processes, ports, HAProxy) importable from here."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
