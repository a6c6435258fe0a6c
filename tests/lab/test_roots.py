# SPDX-License-Identifier: MIT
"""--root with kernel files that lie: what is wrong is unknown with a reason, never a number."""

import json
import shutil
import subprocess

import pytest

from harness import BUILD, REPO

ROOTS = REPO / "tests" / "roots"


def once(root):
    done = subprocess.run(
        [BUILD / "hostingpid", "--root", root, "--once", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(name="root")
def copy_of_a_board(tmp_path):
    shutil.copytree(ROOTS / "pi3b", tmp_path / "root", symlinks=True)
    return tmp_path / "root"


def damage(root, content):
    (root / "proc/meminfo").write_bytes(content)
    return once(root)


def test_good_first(root):
    state = once(root)
    assert state["mem"]["headroom_bytes"] > 0
    assert (state["lb"]["state"], state["lb"]["reason"]) == ("shed", "supply voltage is low")


@pytest.mark.parametrize(
    "name",
    ["empty", "truncated", "ten megabytes", "zeroes", "binary", "negative", "nonsense", "missing"],
)
def test_broken_meminfo(root, name):
    good = (root / "proc/meminfo").read_bytes()
    content = {
        "empty": b"",
        "truncated": good[: good.index(b"MemFree") + 10],
        "ten megabytes": good * (10_000_000 // len(good) + 1),
        "zeroes": b"\0" * 2000,
        "binary": bytes(range(256)) * 8,
        "negative": good.replace(b"MemFree:        ", b"MemFree:       -"),
        "nonsense": b"MemTotal: lots kB\n" * 20,
        "missing": None,
    }[name]
    if content is None:
        (root / "proc/meminfo").unlink()
        state = once(root)
    else:
        assert content != good
        state = damage(root, content)
    assert "headroom_bytes" not in state["mem"]
    assert state["unknown"]["mem.headroom_bytes"]
    assert state["lb"]["state"] == "blind"
    assert state["lb"]["weight"] == 100
    print(f"{name}: {state['unknown'].get('mem.total_bytes') or state['unknown']['mem.headroom_bytes']}")


def test_empty_root(tmp_path):
    state = once(tmp_path)
    assert state["lb"]["state"] == "blind"
    for group in ("mem", "swap", "soc", "sd", "net"):
        assert not [key for key, value in state.get(group, {}).items() if value == -1]
    assert len(state["unknown"]) > 10 and all(state["unknown"].values())


def test_root_that_is_not_there():
    done = subprocess.run(
        [BUILD / "hostingpid", "--root", "/nonexistent", "--once"], capture_output=True, text=True
    )
    assert done.returncode == 2 and "/nonexistent" in done.stderr
