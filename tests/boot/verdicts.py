# SPDX-License-Identifier: MIT
"""The course of tests/guest, where a check may also be one that cannot be made on this machine."""

import json
import time

import boot_root
from course import Course
from process import LabError


class Absent(Exception):
    """What the check needs is not here; the message says what."""


class BootCourse(Course):
    def run(self, checks):
        for check in checks:
            name = check.__doc__.strip().splitlines()[0].rstrip(".")
            begin = time.monotonic()
            try:
                word, figure = "ok", check(self.lab)
            except Absent as absent:
                word, figure = "SKIPPED", str(absent)
            except (LabError, OSError, ValueError, KeyError, IndexError, AttributeError) as error:
                word, figure = "FAILED", f"{type(error).__name__}: {error}"
                self.lab.tidy()
            took = time.monotonic() - begin
            self.rows.append({"check": name, "well": word != "FAILED", "word": word, "figure": figure,
                              "seconds": round(took, 1)})  # fmt: skip
            print(f"  {word:<8} {name}: {figure}  [{took:.1f} s]", flush=True)

    def keep(self):
        (boot_root.FOLDER / "checks.json").write_text(json.dumps(self.rows, indent=1) + "\n", encoding="utf-8")

    def verdict(self):
        words = [row["word"] for row in self.rows]
        state = "FAILED" if "FAILED" in words else "ok"
        text = f"check-boot: {state}: {words.count('ok')} of {len(words)} checks"
        if "SKIPPED" in words:
            text += f", {words.count('SKIPPED')} SKIPPED"
        shown = [f"\n  {row['word']} {row['check']}: {row['figure']}" for row in self.rows if row["word"] != "ok"]
        return text + "".join(shown)
