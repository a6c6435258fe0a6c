# SPDX-License-Identifier: MIT
"""The short form of the fault matrix (tests/mqtt), and a verdict that can be a bad one."""

import importlib
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "mqtt"
SKIPPED = 77
DEADLINE_S = 900  # of a minute; this machine may be busy


def test_no_event_and_no_sample_is_lost():
    command = [sys.executable, "-B", FOLDER / "run.py", "--short"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    if done.returncode == SKIPPED:
        pytest.skip(done.stdout.strip())
    print(done.stdout, done.stderr)
    assert done.returncode == 0


GOOD = {
    "seconds": 10.0,
    "taken": 100,
    "lost": 0,
    "lost_seqs": "",
    "at_begin": 20,
    "history": 10,
    "duplicates": 0,
    "differ": 0,
    "events": 9,
    "events_lost": 0,
    "lost_ids": "",
    "event_duplicates": 0,
    "log": ["1", "2", "3", "4"],
    "ring_dropped": 0,
    "waiting": 0,
    "check_calm_p99_ms": 1.0,
    "check_answers": 100,
    "check_failed": 0,
    "check_p99_ms": 1.0,
    "check_max_ms": 1.0,
    "late_ms": 1.0,
    "cpu_ms_s": [1.0, 1.0],
    "worker_ms_s": [1.0, 1.0],
    "rss_kb": [1, 1],
    "descriptors": [["a", "socket"], ["a", "socket"]],
    "availability": ["online", None, "online"],
    "connections": 0,
    "connected": False,
    "connected_s": 1.0,
    "arrived_s": 1.0,
}
BAD = [
    {"error": "no broker"},
    {"lost": 1},
    {"lost": 1, "ring_dropped": 1},
    {"lost": 1, "waiting": 1},
    {"events_lost": 1},
    {"worker_ms_s": [1.0, 500.0]},
    {"differ": 1},
    {"log": ["a line"] * 5},
    {"check_failed": 1},
    {"check_answers": 0},
    {"descriptors": [["a", "socket"], ["a", "socket", "socket"]]},
    {"availability": ["online", "online", "offline"]},
    {"availability": [None, None, "online"]},
    {"connected": True},  # the broker was killed, and nobody noticed
]


@pytest.fixture(name="modules")
def some_modules(monkeypatch):
    """matrix and faults; other folders have modules of the same names, which other tests import."""
    monkeypatch.syspath_prepend(str(FOLDER.parent / "bench"))
    monkeypatch.syspath_prepend(str(FOLDER))
    names = ["table", "where", *(path.stem for path in FOLDER.glob("*.py"))]
    others = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    yield [importlib.import_module(name) for name in ("matrix", "faults")]
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(others)


@pytest.mark.parametrize("change", [{}, *BAD], ids=str)
def test_verdict(modules, change):
    matrix, faults = modules
    fault = next(one for one in faults.FAULTS if one.name == "broker killed")
    row = {**GOOD, **change}
    assert bool(matrix.complaints(fault, row)) == bool(change)
    report = "\n".join(matrix.report({fault: row}))
    assert ("FAILED" in report) == bool(change)


@pytest.mark.parametrize("told", [{}, {"ring_dropped": 1}, {"waiting": 1}], ids=str)
def test_what_no_broker_takes_must_be_told(modules, told):
    matrix, faults = modules
    fault = next(one for one in faults.FAULTS if not one.deliverable)
    row = {**GOOD, "connections": 1, "lost": 1, **told}
    assert bool(matrix.complaints(fault, row)) == (not told)


def test_each_fault_says_what_it_does_and_has_a_name_of_its_own(modules):
    table = modules[1].FAULTS
    assert len({fault.name for fault in table}) == len(table)
    assert all("; " in fault.what for fault in table)
