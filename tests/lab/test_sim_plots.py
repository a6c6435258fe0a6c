# SPDX-License-Identifier: MIT
"""Pictures and tables of the closed-loop model are well-formed and say what the runs say."""

import csv
import os
import re
import subprocess
import xml.etree.ElementTree as tree

import pytest

from harness import BUILD, REPO

SIM = BUILD / "sim" / "hostingpi-sim"
SVG = "{http://www.w3.org/2000/svg}"
LAWS = ("none", "static", "ours", "oracle")
SCENARIOS = ("growth20_hot", "growth20_fleet")
NUMBER = r"-?\d+(\.\d+)?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The pictures and tables of two scenarios, and of one whose text tries to break out."""
    path = tmp_path_factory.mktemp("plots")
    files = [REPO / "tests" / "sim" / "scenarios" / f"{name}.scn" for name in SCENARIOS]
    hostile = path / "hostile.scn"
    hostile.write_text('# <script> & "quotes" \x7f\nseconds = 60\nat 9 rate x2 for 5\n')
    words = ["--seeds", "51-52", "--jobs", os.cpu_count(), "--plots", path, "--format", "csv"]
    words += ["--csv", path / "runs.csv", *(word for law in LAWS for word in ("--law", law))]
    command = [str(word) for word in [SIM, *words, *files, hostile]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path / "table.csv").write_text(done.stdout)
    return path


def pictures(folder):
    found = {path.name: tree.parse(path).getroot() for path in folder.glob("*.svg")}
    names = (*SCENARIOS, "hostile")
    assert set(found) == {"overview.svg"} | {
        f"{name}{law}.svg" for name in names for law in ("", *(f"-{law}" for law in LAWS))
    }
    return found


def texts(root):
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_well_formed(folder):
    """Plain SVG 1.1 with numbers only, nothing from elsewhere, nothing that runs."""
    allowed = {"svg", "title", "style", "rect", "line", "path", "text", "circle"}
    for name, root in pictures(folder).items():
        assert root.get("version") == "1.1", name
        assert {element.tag for element in root.iter()} <= {SVG + tag for tag in allowed}
        style = root.find(f"{SVG}style").text
        assert "prefers-color-scheme:dark" in style and "url(" not in style
        width, height = (float(root.get(key)) for key in ("width", "height"))
        for element in root.iter():
            for key, value in element.attrib.items():
                assert key not in ("href", "onload") and "nan" not in value and "inf" not in value
                if key in ("x", "x1", "x2", "cx"):
                    assert -1 <= float(value) <= width + 1, (name, element.attrib)
                if key in ("y", "y1", "y2", "cy"):
                    assert -1 <= float(value) <= height + 1, (name, element.attrib)
        for path in root.iter(f"{SVG}path"):
            assert re.fullmatch(f"(([ML]{NUMBER} {NUMBER})+Z?)", path.get("d")), name


def test_what_they_show(folder):
    found = pictures(folder)
    for name in SCENARIOS:
        overlay = texts(found[f"{name}.svg"])
        assert set(LAWS) <= set(overlay)
        for wanted in ("seconds", "MB", "%", "requests", "per second"):
            assert wanted in overlay
            assert wanted in texts(found[f"{name}-ours.svg"])
        assert any("grow" in text or "rate" in text for text in overlay)
    assert "normal" in texts(found["growth20_hot-ours.svg"])
    assert set(LAWS) <= set(texts(found["overview.svg"]))
    large = [dot for dot in found["overview.svg"].iter(f"{SVG}circle") if dot.get("r") == "7.0"]
    assert len(large) == len(LAWS)
    assert '<script> & "quotes"  ' in "".join(texts(found["hostile-ours.svg"])) + " "


def test_the_table_says_what_the_runs_say(folder):
    with open(folder / "runs.csv", encoding="ascii") as file:
        runs = list(csv.DictReader(file))
    with open(folder / "table.csv", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == (len(SCENARIOS) + 2) * len(LAWS)
    for row in rows:
        mine = [
            run
            for run in runs
            if run["law"] == row["law"] and row["scenario"] in (run["scenario"], "")
        ]
        assert int(row["runs"]) == len(mine)
        good = [run for run in mine if run["survivable"] == "1"] or mine
        assert int(row["swapped"]) == sum(int(run["swapped_bytes"]) > 1_000_000 for run in good)
        refused = sum(int(run["refused"]) for run in good) / sum(
            int(run["offered"]) for run in good
        )
        assert float(row["refused"]) == pytest.approx(refused, rel=1e-4)
        shares = [int(run["good"]) / int(run["oracle_good"]) for run in good]
        assert float(row["good_min"]) == pytest.approx(min(shares), rel=1e-4)
