# SPDX-License-Identifier: MIT
"""An operator's program on changes of state, with the real agent: as another user than root."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from harness import REPO, Agent, program, wait_until
from kmsg import KmsgPipe, make_root
from test_haproxy import CAP, Memory

EXAMPLE = REPO / "examples" / "hook"
NOBODY = 65534
UNPRIVILEGED = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
FAULT = "Read-error on swap-device (179:0:8192)"


@pytest.fixture(name="folder")
def folder_of_nobody():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hostingpi-"))
    (folder / "run").mkdir()
    if os.getuid() == 0:
        os.chown(folder / "run", NOBODY, NOBODY)
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def make_agent(scratch, folder, root, hook, wrapper=None):
    config = {"control": {"cap": CAP}, "agent": {"run_dir": folder / "run"}, "hook": {"program": hook}}
    if wrapper is None:
        wrapper = UNPRIVILEGED if os.getuid() == 0 else ()
    agent = Agent(scratch, config, options=("--root", root), wrapper=wrapper)
    agent.run_dir = folder / "run"
    return agent.start()


def write_hook(folder, script):
    hook = folder / "hook"
    hook.write_text(f"#!/bin/sh\nread -r line\necho \"$line\" >>{folder}/log\n{script}\n")
    hook.chmod(0o755)
    return hook


def told(folder):
    log = folder / "log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def hook_of(agent):
    return agent.status()["notifiers"]["hook"]


def test_runs_on_changes(scratch, folder):
    memory = Memory(scratch)
    agent = make_agent(scratch, folder, memory.root, write_hook(folder, 'echo "saw $1"; [ $1 != hard ]'))
    wait_until(lambda: told(folder), what="the start")
    assert (told(folder)[0]["before"], told(folder)[0]["state"]) == ("start", "normal")
    memory.set(20000)
    wait_until(lambda: told(folder)[-1]["state"] == "hard", what="the hard level")
    # Nothing of it matters to the agent.
    wait_until(lambda: hook_of(agent)["failed"] == 1, what="its end to be counted")
    assert hook_of(agent)["last"] == "hard: ended with 1: saw hard"
    assert "hook: hard: ended with 1: saw hard" in agent.tail()
    memory.set(600000)
    wait_until(lambda: told(folder)[-1]["state"] == "normal", what="the way back")
    chain = ["start", *(row["state"] for row in told(folder))]
    assert [row["before"] for row in told(folder)] == chain[:-1]
    assert agent.term() == 0


def test_not_while_storage_fails(scratch, folder):
    root = make_root(scratch, "pi")
    kmsg = KmsgPipe(root)
    agent = make_agent(scratch, folder, root, write_hook(folder, ""))
    wait_until(lambda: len(told(folder)) == 1, what="the start")
    kmsg.open().say(1, FAULT)
    wait_until(lambda: agent.status()["decision"]["state"] == "hard", what="the hard level")
    assert hook_of(agent)["why_waiting"] == "storage is failing"
    samples = agent.status()["seq"]
    wait_until(lambda: agent.status()["seq"] > samples + 1, what="two more samples")
    assert len(told(folder)) == 1
    kmsg.close()


def test_ends_with_the_agent(scratch, folder):
    memory = Memory(scratch)
    hook = write_hook(folder, f"trap 'echo bye >>{folder}/bye; exit' TERM; while :; do sleep 1; done")
    agent = make_agent(scratch, folder, memory.root, hook)
    wait_until(lambda: told(folder), what="the start")
    assert hook_of(agent)["running"]
    assert agent.term() == 0
    assert (folder / "bye").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_never_as_root(scratch, folder):
    agent = make_agent(scratch, folder, Memory(scratch).root, write_hook(folder, ""), wrapper=())
    samples = agent.status()["seq"]
    wait_until(lambda: agent.status()["seq"] > samples, what="a sample")
    assert "as root" in hook_of(agent)["off"] and "as root" in agent.tail() and not told(folder)


def run_example(tmp_path, state, before, mailer=True):
    if mailer:
        (tmp_path / "sendmail").write_text(f"#!/bin/sh\ncat >{tmp_path}/mail\n")
        (tmp_path / "sendmail").chmod(0o755)
    decision = {"ts": 1, "id": "pi3", "before": before, "weight": 1, "state": state, "reason": "memory low"}
    line = json.dumps(decision, separators=(",", ":"))
    done = subprocess.run(
        [EXAMPLE / "hostingpi-hook", state], input=line + "\n", text=True, capture_output=True, check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, timeout=60,
    )
    assert not done.stderr
    return done.stdout


def test_the_example_mails(tmp_path):
    assert run_example(tmp_path, "hard", "shed") == "told root: shed -> hard: memory low\n"
    mail = (tmp_path / "mail").read_text()
    assert mail.startswith("To: root\nSubject: pi3: shed -> hard: memory low\n\n{")
    (tmp_path / "mail").unlink()
    for state, before in (("shed", "normal"), ("normal", "start"), ("normal", "recover")):
        assert run_example(tmp_path, state, before) == ""
    assert not (tmp_path / "mail").exists()
    # The way back from the hard level leads through recover or shed, never straight to normal.
    for state, before in (("recover", "hard"), ("shed", "hard"), ("recover", "blind")):
        assert run_example(tmp_path, state, before).startswith("told root: ")


def test_the_example_needs_nothing_of_the_environment():
    names = set(re.findall(r"\$\{?([A-Z_]+)", (EXAMPLE / "hostingpi-hook").read_text()))
    assert names <= {"PATH", "LANG", "TZ"}


@pytest.mark.skipif(program("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_example_units(tmp_path):
    for kind in ("path", "service"):
        text = (EXAMPLE / f"hostingpi-hard.{kind}").read_text()
        # Apache need not be installed for a look at the units.
        (tmp_path / f"hostingpi-hard.{kind}").write_text(text.replace("/usr/sbin/apachectl", "/usr/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "hostingpi-hard.path"],
        capture_output=True, text=True, check=False, timeout=60,
    )
    assert done.returncode == 0 and "hostingpi-hard" not in done.stderr, done.stderr
