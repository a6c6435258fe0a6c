# SPDX-License-Identifier: MIT
"""--replay: recorded machines through the same judge and controller as a live one."""

import csv
import pathlib
import subprocess

import pytest

from harness import BUILD, REPO

TRACES = REPO / "tests" / "traces"

# First megabyte swapped out at t, as recorded (tests/traces/README.md); None: never.
SWAPPED_AT = {
    "virt256_20MBps_halfcache_mmcblk0_iomax2MBps": 20.8,
    "virt512_20MBps_cachefull_mmcblk0": 102.7,
    "virt512_4MBps_cachefull_fastswap": 147.5,
    "x86_1g_free_grow50": 17.5,
    "x86_1g_hotcache_grow40": 10.7,
    "x86_1g_writesync_only": None,
}
HEADER = ["t", "headroom_kb", "time_to_swap_s", "state", "weight", "maxconn", "reason"]


def replay(path, data=None):
    return subprocess.run(
        [BUILD / "hostingpid", "--replay", path], input=data, capture_output=True, text=True
    )


def rows(text):
    table = list(csv.DictReader(text.splitlines()))
    assert list(table[0]) == HEADER
    return table


@pytest.mark.parametrize("name", SWAPPED_AT)
def test_hard_before_the_first_megabyte(name):
    done = replay(TRACES / f"{name}.csv")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    with open(TRACES / f"{name}.csv", encoding="ascii") as trace:
        assert len(table) == sum(1 for _ in trace) - 1
    hard = [float(row["t"]) for row in table if row["state"] == "hard"]
    low = [float(row["t"]) for row in table if int(row["weight"]) < 90]
    swapped = SWAPPED_AT[name]
    if swapped is None:
        assert not hard
        return
    assert hard and hard[0] < swapped
    # One poll of a balancer (500 ms) and one round of requests fit in between.
    assert low[0] < swapped - 1.0
    print(f"{name}: below 90 % {swapped - low[0]:.1f} s before, hard {swapped - hard[0]:.1f} s before")
    for row in table:
        assert 1 <= int(row["weight"]) <= 100 and int(row["maxconn"]) >= 1


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
