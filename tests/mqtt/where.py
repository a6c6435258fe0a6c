# SPDX-License-Identifier: MIT
"""Makes the modules of the lab and of the bench importable."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / "lab"), str(HERE.parent / "bench")]
