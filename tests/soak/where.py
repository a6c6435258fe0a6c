# SPDX-License-Identifier: MIT
"""Makes the modules of the lab, of the bench and of the MQTT faults importable."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / name) for name in ("lab", "bench")]
