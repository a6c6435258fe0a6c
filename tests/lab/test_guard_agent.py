# SPDX-License-Identifier: MIT
"""hostingpictl guard with the real agent, whose machine runs out of memory; and the units in examples/."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest
from guard_lab import CTL, PATIENCE_S, Guard, end_everybody, is_stopped, wait_all
from harness import REPO, Agent
from process import program, wait_until

EXAMPLES = REPO / "examples" / "rsync-timer"


class Board:
    """A fake Pi 4 whose memory is set by the test; its files are rewritten in place."""

    def __init__(self, path):
        self.path = path
        shutil.copytree(REPO / "tests" / "roots" / "pi4", path, symlinks=True)
        self.text = (path / "proc/meminfo").read_text(encoding="ascii")

    def fill(self, share):
        """Leaves that share of what was free."""
        lines = []
        for line in self.text.splitlines():
            name, rest = line.split(":")
            if name in ("MemFree", "MemAvailable", "Active(file)", "Inactive(file)", "Cached"):
                line = f"{name}: {int(int(rest.split()[0]) * share)} kB"
            lines.append(line)
        (self.path / "proc/meminfo").write_text("\n".join(lines) + "\n", encoding="ascii")


@pytest.fixture
def run_dir():
    """The agent writes its state file only to memory."""
    with tempfile.TemporaryDirectory(prefix="hostingpi-", dir="/dev/shm") as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def start_agent(scratch, board, run_dir, *options):
    agent = Agent(
        scratch, {"agent": {"run_dir": run_dir}}, options=("--root", board.path, *options)
    )
    agent.run_dir = run_dir
    agent.start()
    wait_until((run_dir / "state").exists, what="the state file")
    return agent


@pytest.mark.parametrize("options", [["-v"], ["-v", "--min-headroom", "8M"]])
def test_memory_that_runs_out(scratch, run_dir, options):
    board = Board(scratch.path / "root")
    agent = start_agent(scratch, board, run_dir)
    guard = Guard(scratch, run_dir / "state", ["sleep", "1000"], options).spawn()
    try:
        (job,) = wait_until(guard.family, what="the job")
        for number in (1, 2):
            board.fill(0.02)
            guard.wait_said("suspended 1 process,", number)
            assert is_stopped(job)
            board.fill(1)
            guard.wait_said("resumed after", number)
            wait_all([job], False)
        board.fill(0.02)
        guard.wait_said("suspended 1 process,", 3)
        # The agent is killed: it cannot say any more that memory is short.
        agent.kill()
        guard.wait_said("was not renewed for")
        wait_all([job], False)
        agent.spawn()
        guard.wait_said("suspended 1 process,", 4)
        # ... and ended: it takes its file along.
        agent.term()
        guard.wait_said("there is no")
        wait_all([job], False)
        guard.send(signal.SIGTERM)
        assert guard.wait(PATIENCE_S) == -signal.SIGTERM
    finally:
        end_everybody(scratch)


def test_dry_run_is_for_nobody(scratch, run_dir):
    board = Board(scratch.path / "root")
    board.fill(0.02)
    start_agent(scratch, board, run_dir, "--dry-run")
    done = subprocess.run(
        [CTL, "guard", "--max-wait", "0s", "true"],
        capture_output=True, text=True, env={**os.environ, "HOSTINGPI_RUN_DIR": str(run_dir)},
    )  # fmt: skip
    assert done.returncode == 0 and "--dry-run" in done.stderr


@pytest.mark.skipif(not program("systemd-analyze"), reason="systemd-analyze is not installed")
def test_units(scratch):
    """As they would be installed, the drop-ins in place; programs that exist here."""
    for name in ("site-copy.service", "site-copy.timer"):
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        text = text.replace("/usr/bin/hostingpictl", str(CTL)).replace("/usr/bin/rsync", "/bin/true")
        scratch.file(name, text)
    # Not in the unit's own folder: systemd-analyze looks for drop-ins beside the file.
    for name in ("guard.conf", "condition.conf"):
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        scratch.file(f"nightly.service.d/{name}", text.replace("/usr/bin/hostingpictl", str(CTL)))
    nightly = scratch.file("nightly.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
    for path in (scratch.path / "site-copy.timer", scratch.path / "site-copy.service", nightly):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", path],
            capture_output=True, text=True, timeout=PATIENCE_S,
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{scratch.path}:"},
        )  # fmt: skip
        lines = [line for line in done.stderr.splitlines() if str(scratch.path) in line]
        assert (done.returncode, lines) == (0, []), done.stderr
