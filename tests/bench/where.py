# SPDX-License-Identifier: MIT
"""Makes the modules of the lab importable."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))
