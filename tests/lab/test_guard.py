# SPDX-License-Identifier: MIT
"""hostingpictl guard as a wrapper: exit codes, files, signals, when it waits and what it believes."""

import os
import signal
import subprocess
import sys

import pytest
from guard_lab import CTL, PATIENCE_S, lives, wait_all
from process import wait_until


def guard(*words, **keys):
    argv = [str(word) for word in (CTL, "guard", *words)]
    env = {**os.environ, **keys.pop("env", {})}
    keys = {"capture_output": True, "text": True, "timeout": PATIENCE_S, "env": env, **keys}
    return subprocess.run(argv, **keys)


@pytest.fixture
def run(machine):
    """Runs a guarded command to its end."""
    return lambda *words, **keys: guard("--state", machine.path, *words, **keys)


@pytest.mark.parametrize(
    "words, code",
    [
        (["true"], 0),
        (["--", "sh", "-c", "exit 7"], 7),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -TERM $$"], -signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], -signal.SIGKILL),
        (["sh", "-c", "kill -SEGV $$"], -signal.SIGSEGV),
        (["sh", "-c", "kill -PIPE $$"], -signal.SIGPIPE),
        (["sh", "-c", "kill -INT $$"], -signal.SIGINT),
        (["no-such-program"], 127),
        (["/nowhere/program"], 127),
        (["/etc/passwd"], 126),
        (["/tmp"], 126),
    ],
)
def test_exit_code(run, words, code, tmp_path):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == code
    assert done.stdout == ""
    if code not in (126, 127):
        assert done.stderr == ""
    else:
        assert done.stderr.startswith(f"hostingpictl: guard: {words[0]}: ")
    assert not list(tmp_path.iterdir())  # no core of ours


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "command is missing"),
        (["--"], "command is missing"),
        (["--max-wait"], "--max-wait needs a value"),
        (["--max-wait", "3", "true"], "--max-wait needs a unit, such as 3s"),
        (["--max-pause", "-3s", "true"], "--max-pause must be"),
        (["--min-headroom", "12%", "true"], "--min-headroom must be"),
        (["--min-headroom", "0", "true"], "--min-headroom must be"),
        (["--loud", "true"], "unknown option --loud"),
        (["-x", "true"], "unknown option -x"),
    ],
)
def test_wrong_usage(words, message):
    done = guard(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_json_is_for_others():
    done = subprocess.run([CTL, "--json", "guard", "true"], capture_output=True, text=True)
    assert done.returncode == 2 and "--json" in done.stderr


def test_help():
    done = guard("--help")
    assert done.returncode == 0 and "--max-pause" in done.stdout
    assert all(len(line) <= 92 for line in done.stdout.splitlines())


def test_options_of_the_command_are_its_own(run):
    assert run("echo", "-v", "--help", "--").stdout == "-v --help --\n"


def test_files_are_passed_through(run):
    data = bytes(range(256)) * 4096
    done = run("sh", "-c", "cat; echo said >&2", input=data, text=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"said\n")


LOOK = """
import os, signal
lines = open("/proc/self/status").read().splitlines()
print([line for line in lines if line.startswith("Sig") and "SigQ" not in line])
print(sorted(os.listdir("/proc/self/fd")), os.getpgrp() , os.getsid(0), os.getcwd())
"""


@pytest.mark.parametrize("before", ["", "trap '' HUP CHLD PIPE;", "exec 7</dev/null;"])
def test_the_job_finds_what_it_would_have_found(machine, before):
    """Signals that are ignored or blocked, descriptors, group, session."""
    plain = f"{before} {sys.executable} -c '{LOOK}'; :"
    guarded = f"{before} {CTL} guard --state {machine.path} -- {sys.executable} -c '{LOOK}'; :"
    said = [
        subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=PATIENCE_S)
        for text in (plain, guarded)
    ]
    assert said[0].stdout == said[1].stdout and said[0].stdout.count("\n") == 2


TROUBLE = {
    "missing": "there is no",
    "stale": "was not renewed for",
    "garbage": "not a state file",
    "other": "not a state file",
    "huge": "not a state file",
    "fifo": "not a regular file",
    "device": "not a regular file",
    "folder": "not a regular file",
    "loop": "symbolic links",
    "dry": "--dry-run",
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_without_an_agent_the_job_runs(scratch, kind):
    path = scratch.path / "state"
    if kind == "stale":
        path.write_text('{"state": "hard"}')
        os.utime(path, (1e9, 1e9))
    elif kind == "garbage":
        path.write_bytes(b"\0\xff{]" * 100)
    elif kind == "other":
        path.write_text('{"state": "fine"}')
    elif kind == "huge":
        path.write_text('{"state": "hard"}' + " " * 100000)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "dry":
        path.write_text('{"state": "hard", "dry_run": true}')
    done = guard("--state", path, "--max-wait", "0s", "echo", "ran")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert "warning: " in done.stderr and TROUBLE[kind] in done.stderr
    assert done.stderr.count("\n") == 1
    assert guard("-q", "--state", path, "--max-wait", "0s", "true").stderr == ""


def test_a_link_to_a_file_is_followed(scratch, machine):
    machine.say("hard")
    (scratch.path / "link").symlink_to(machine.path)
    assert guard("--state", scratch.path / "link", "--max-wait", "0s", "true").returncode == 75


def test_place_of_the_file(scratch, machine):
    machine.say("hard")
    env = {"HOSTINGPI_RUN_DIR": str(scratch.path)}
    assert guard("--max-wait", "0s", "true", env=env).returncode == 75
    done = guard("--max-wait", "0s", "true", env={"HOSTINGPI_RUN_DIR": "/nowhere"})
    assert done.returncode == 0 and "/nowhere/state" in done.stderr


@pytest.mark.parametrize("state", ["normal", "recover", "blind", "shed", "hard", "hold"])
def test_states(machine, run, state):
    machine.say(state, reason="a \x1b[31mreason", headroom_bytes=45 << 20)
    done = run("--max-wait", "0s", "echo", "ran")
    if state in ("normal", "recover", "blind"):
        assert (done.returncode, done.stdout) == (0, "ran\n")
        assert ("blind" in done.stderr) == (state == "blind")
    else:
        assert (done.returncode, done.stdout) == (75, "")
        assert f"{state} (a ?[31mreason), headroom 45.0 MiB" in done.stderr


def test_headroom(machine, run):
    machine.say("normal", headroom_bytes=45 << 20)
    assert run("--min-headroom", "45M", "--max-wait", "0s", "true").stderr == ""
    done = run("--min-headroom", "46M", "--max-wait", "0s", "true")
    assert done.returncode == 75 and "headroom 45.0 MiB of the 46.0 MiB asked for" in done.stderr
    machine.say("normal")
    done = run("--min-headroom", "46M", "--max-wait", "0s", "true")
    assert done.returncode == 0 and "does not know the headroom" in done.stderr


def test_it_waits_and_starts(machine, start_guard):
    machine.say("shed", reason="memory")
    guarded = start_guard("echo", "ran", options=())
    guarded.wait_said("waiting: shed (memory)")
    machine.say("normal")
    assert guarded.wait(PATIENCE_S) == 0
    assert guarded.said("started after") and guarded.said("\nran\n")


def test_it_dies_while_it_waits(machine, start_guard):
    machine.say("shed")
    guarded = start_guard("echo", "ran")
    guarded.wait_said("waiting")
    guarded.send(signal.SIGTERM)
    assert guarded.wait(PATIENCE_S) == -signal.SIGTERM
    assert not guarded.said("ran\n")


TELLER = """
import os, signal, sys, time
def tell(number, frame):
    os.write(1, (signal.Signals(number).name + "\\n").encode())
names = "TERM INT HUP QUIT USR1 USR2 WINCH CONT".split()
for name in names:
    signal.signal(getattr(signal, "SIG" + name), tell)
os.write(1, b"ready\\n")
while True:
    time.sleep(100)
"""


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_signals_are_passed_on(machine, start_guard, paused):
    guarded = start_guard(sys.executable, "-c", TELLER)
    guarded.wait_said("ready")
    (job,) = guarded.family()
    if paused:
        machine.say("hard")
        wait_all([job], True)
    names = ["USR1", "USR2", "WINCH", "TERM", "INT", "HUP", "QUIT"]
    for name in [*names, *([] if paused else ["CONT"])]:
        guarded.send(getattr(signal, f"SIG{name}"))
        if name == "TERM" or not paused or names.index(name) > names.index("TERM"):
            # Those that do not end it wait until it wakes.
            guarded.wait_said(f"SIG{name}\n")
    for name in names:
        guarded.wait_said(f"SIG{name}\n")
    os.kill(job, signal.SIGKILL)
    assert guarded.wait(PATIENCE_S) == -signal.SIGKILL


def test_term_while_paused(machine, start_guard):
    guarded = start_guard("sleep", "1000")
    wait_until(guarded.family, what="the job")
    machine.say("hard")
    guarded.wait_said("suspended 1 process,")
    guarded.send(signal.SIGTERM)
    assert guarded.wait(PATIENCE_S) == -signal.SIGTERM
    assert guarded.said("a signal asks it to end") and guarded.said("suspended 1 time")


def test_too_long_a_pause(machine, start_guard):
    guarded = start_guard("sh", "-c", "sleep 1000 & sleep 1000", options=["-q", "--max-pause", "1s"])
    wait_until(lambda: len(guarded.family()) == 3, what="the job")
    family = guarded.family()
    machine.say("shed", reason="memory")
    assert guarded.wait(PATIENCE_S) == 75
    assert guarded.said("(--max-pause): shed (memory)")
    assert not any(lives(pid) for pid in family)


def test_who_does_not_end_is_killed(machine, start_guard):
    words = "trap '' TERM; (trap '' TERM; sleep 1000; :) & while :; do sleep 1; done"
    guarded = start_guard("sh", "-c", words, options=["--max-pause", "0s"])
    wait_until(lambda: len(guarded.family()) >= 3, what="the job")
    machine.say("hard")
    assert guarded.wait(PATIENCE_S) == 75
    assert guarded.family() == []


def test_quiet_unless_something_happens(run):
    done = run("true")
    assert (done.stdout, done.stderr) == ("", "")


def test_a_pipe_that_nobody_empties(machine, start_guard):
    """Its message cannot be written: it is lost, the job is resumed all the same."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with open(writer, "wb", buffering=0) as full:
        while full.write(b"x" * 65536):
            pass
        os.set_blocking(writer, True)
        guarded = start_guard("sh", "-c", "sleep 1000", stderr=full)
    job = wait_until(lambda: [pid for pid in guarded.family() if lives(pid)], what="the job")
    for _ in range(2):
        machine.say("shed")
        wait_all(job, True)
        machine.say("normal")
        wait_all(job, False)
    guarded.send(signal.SIGTERM)
    assert guarded.wait(PATIENCE_S) == -signal.SIGTERM
    os.close(reader)
