# SPDX-License-Identifier: MIT
"""--replay: recorded machines through the same judge and controller as a live one."""

import csv
import pathlib
import subprocess
import sys

import pytest

from harness import BUILD, REPO

TRACES = REPO / "tests" / "traces"
sys.path.insert(0, str(TRACES))
import leads

# The recording host stalled for 5 s in this one: two thirds of the growth came within two seconds.
STALLED = "x86_1g_hotcache_grow40"
NAMES = sorted(path.stem for path in TRACES.glob("*.csv"))
HEADER = ["t", "headroom_kb", "time_to_swap_s", "state", "weight", "maxconn", "reason"]


def replay(path, data=None):
    return subprocess.run(
        [BUILD / "hostingpid", "--replay", path], input=data, capture_output=True, text=True
    )


def rows(text):
    table = list(csv.DictReader(text.splitlines()))
    assert list(table[0]) == HEADER
    return table


@pytest.mark.parametrize("name", NAMES)
def test_rows(name):
    done = replay(TRACES / f"{name}.csv")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert len(table) == len(leads.read_trace(TRACES / f"{name}.csv"))
    for row in table:
        assert 1 <= int(row["weight"]) <= 100 and int(row["maxconn"]) >= 1


def every_second(trace):
    """What the agent would have seen at 1 Hz."""
    kept = []
    for row in trace:
        if not kept or float(row["t"]) - float(kept[-1]["t"]) >= 1.0:
            kept.append(row)
    return kept


def half_as_fast(trace):
    return [{**row, "t": f"{float(row['t']) * 2:.3f}"} for row in trace]


@pytest.mark.parametrize("change", [list, every_second, half_as_fast])
@pytest.mark.parametrize("name", NAMES)
def test_lead(name, change):
    """Early enough for a balancer, and not so early that capacity is given away."""
    trace = change(leads.read_trace(TRACES / f"{name}.csv"))
    found = leads.measure(BUILD / "hostingpid", trace)
    if name.endswith("sync_only"):
        assert found["swapped"] is None and found["hard"] is None
        assert found["shed_share"] < 0.01
        return
    assert (1.5 if name == STALLED else 5.0) <= found["lead"] <= 60.0
    # The hard level is for the last moments: 15 s of a recording that is played at half speed are 30.
    assert found["hard_lead"] is not None
    assert found["hard_lead"] <= min(found["lead"], 30 if change is half_as_fast else 15)


def test_the_same_each_time_and_from_standard_input():
    path = TRACES / "virt512_20MBps_cachefull_mmcblk0.csv"
    first = replay(path).stdout
    assert first == replay(path).stdout
    assert first == replay("-", path.read_text()).stdout


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "no rows to replay"),
        ("t,MemFree\n", "no rows to replay"),
        ("MemFree,MemTotal\n1,2\n", "no column named t"),
        ("t,MemFree\n1.0,12x\n", ":2: a value is not a whole number"),
        ("t,MemFree\nsoon,12\n", ":2: t is not a number of seconds"),
        ("t,MemFree\n1\n", ":2: fewer cells"),
        ("t,MemFree\n1,99999999999999999999\n", ":2: a value"),
        ("t,MemFree\n1,-5\n", ":2: a value"),
        ("t," + ",".join(f"c{i}" for i in range(80)) + "\n", "more than 64 columns"),
    ],
)
def test_bad_recordings(text, complaint):
    done = replay("-", text)
    assert done.returncode == 1
    assert complaint in done.stderr


def test_missing_columns_are_unknown_not_zero():
    done = replay("-", "t,MemFree\n1,100\n2,100\n")
    assert done.returncode == 0
    for row in rows(done.stdout):
        assert row["state"] == "blind" and row["headroom_kb"] == ""


def test_missing_file():
    done = replay(pathlib.Path("/nonexistent.csv"))
    assert done.returncode == 1 and "/nonexistent.csv" in done.stderr
