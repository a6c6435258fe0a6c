# SPDX-License-Identifier: MIT
"""The boards below tests/roots: they are complete, and what hostingpid says about them is known."""

import json
import os
import stat

import pytest

import goldens
from goldens import BOARDS, DOCTORS, ROOTS

FILES = """
proc/meminfo proc/vmstat proc/swaps proc/zoneinfo proc/stat proc/loadavg proc/net/dev
proc/self/mountinfo proc/self/mountstats proc/sys/vm/swappiness proc/sys/kernel/osrelease
proc/sys/kernel/random/boot_id dev/kmsg
""".split()
PI_FILES = """
proc/device-tree/model proc/device-tree/compatible proc/device-tree/serial-number
""".split()
CARD_FILES = """
sys/block/mmcblk0/stat sys/block/mmcblk0/device/type sys/block/mmcblk0/device/name
sys/dev/block/179:0/size
""".split()


@pytest.fixture(name="outputs", scope="module")
def all_at_once():
    """{golden file: ((output, exit code), what makes the golden of it)}"""
    todo = goldens.jobs()
    results = goldens.run_all([job for job, _ in todo.values()])
    return {path: (results[job], golden) for path, (job, golden) in todo.items()}


def document(outputs, board):
    (output, code), _ = outputs[ROOTS / board / "golden-once.json"]
    assert code == 0
    return json.loads(output)


def test_all_boards_are_there():
    assert set(BOARDS) == set(
        "pi1-old pi2 pi3b pi3b-32bit pi3b-pulled pi3bplus pi4 pi4-nfs pi5 pizero2w cm4 vm".split()
    )


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_is_complete(board):
    files = FILES.copy()
    if board not in ("pi1-old", "vm"):
        files += PI_FILES
    if board not in ("pi4-nfs", "vm"):
        files += CARD_FILES
    assert [name for name in files if not (ROOTS / board / name).is_file()] == []


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_survives_git(board):
    """Links lead to something below the same root; no odd modes, no empty folders."""
    root = ROOTS / board
    for folder, folders, files in os.walk(root):
        assert folders or files, f"{folder} is empty"
        for name in folders + files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                assert not os.path.isabs(os.readlink(path)), path
                assert os.path.realpath(path).startswith(f"{root}/"), path
                assert os.path.exists(path), path
            else:
                assert mode & 0o400 and not mode & 0o7000, path
                assert stat.S_ISDIR(mode) or not mode & 0o111, path


@pytest.mark.parametrize("board", BOARDS)
def test_golden_once(outputs, board):
    path = ROOTS / board / "golden-once.json"
    (output, code), golden = outputs[path]
    assert code == 0
    diff = goldens.difference(path, golden(output))
    if diff:
        pytest.fail(f"{diff}\nIf that is how it should be: make goldens", pytrace=False)


@pytest.mark.parametrize("board", DOCTORS)
def test_golden_doctor(outputs, board):
    path = ROOTS / board / "golden-doctor.txt"
    (output, code), golden = outputs[path]
    assert code == (0 if output.endswith("\nNothing needs attention.\n") else 1)
    assert "\x1b" not in output
    diff = goldens.difference(path, golden(output))
    if diff:
        pytest.fail(f"{diff}\nIf that is how it should be: make goldens", pytrace=False)


@pytest.mark.parametrize("board", DOCTORS)
def test_the_doctor_fits_a_window_of_80_columns(outputs, board):
    """But for commands to type, which stay whole, and words that are longer."""
    (output, _), golden = outputs[ROOTS / board / "golden-doctor.txt"]
    lines = [line for line in golden(output).splitlines() if len(line) > 80]
    assert not [line for line in lines if not line.lstrip().startswith("$ ")]


@pytest.mark.parametrize("board", BOARDS)
def test_the_memory_of_a_board(outputs, board):
    lines = (ROOTS / board / "proc/meminfo").read_text().splitlines()
    meminfo = dict(line.split(":") for line in lines)
    memory = document(outputs, board)["mem"]
    assert memory["total_bytes"] == int(meminfo["MemTotal"].split()[0]) * 1024
    assert 0 < memory["headroom_bytes"] < memory["total_bytes"]
    assert ("available_bytes" in memory) == ("MemAvailable" in meminfo)


@pytest.mark.parametrize(
    ("board", "expected", "reason"),
    [
        ("pi3b", "shed", "supply voltage is low"),
        ("pi3b-pulled", "hard", "storage fails"),
        ("pi4", "normal", "ok"),
        ("pi4-nfs", "normal", "ok"),
        ("vm", "normal", "ok"),
    ],
)
def test_the_decision_about_a_board(outputs, board, expected, reason):
    decision = document(outputs, board)["lb"]
    assert (decision["state"], decision["reason"]) == (expected, reason)
    assert (decision["weight"] == 100) == (expected == "normal")


@pytest.mark.parametrize("board", BOARDS)
def test_the_temperature_of_a_board(outputs, board):
    state = document(outputs, board)
    if board == "vm":
        assert "temp_c" not in state["soc"] and state["unknown"]["soc.temp_c"]
    else:
        zone = (ROOTS / board / "sys/class/thermal/thermal_zone0/temp").read_text()
        assert state["soc"]["temp_c"] == int(zone) / 1000


@pytest.mark.parametrize("board", BOARDS)
def test_nfs_applies_to_one_board_only(outputs, board):
    state = document(outputs, board)
    if board == "pi4-nfs":
        assert state["fs"]["nfs_source"] == "192.0.2.10:/srv/nfs/pi4"
        assert state["fs"]["nfs_stalled"] is False
        assert "device" not in state["sd"]
    else:
        reason = state["unknown"]["fs.nfs_stalled"]
        assert reason == "not applicable: root is not on NFS"
        assert state["sd"]["device"] == ("vda" if board == "vm" else "mmcblk0")


def test_the_card_that_fails_requests(outputs):
    card = document(outputs, "pi3bplus")["sd"]
    # One write and one read, and 510 lines that the kernel left out.
    assert card["write_errors"] + card["read_errors"] == 512
    assert card["write_errors"] >= 1 and card["read_errors"] >= 1
