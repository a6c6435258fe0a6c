# SPDX-License-Identifier: MIT
"""hostingpictl guard stops everything that a job has started, and nothing of it stays stopped."""

import contextlib
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys

import pytest
from guard_lab import (
    CTL,
    PATIENCE_S,
    Guard,
    comm,
    end_everybody,
    everybody,
    fields,
    is_stopped,
    letter,
    lives,
    wait_all,
)
from process import DEADLINE_S, program, wait_until

# A job that spreads: a child, one in a group of its own (a shell with job control), one in a session
# of its own, one that lost its parent, one that lost it within its own session; and one that its
# user stopped. Ends when the file "end" is there.
SPREAD = """
sleep 1000 &
bash -c 'set -m; sleep 1001 & wait' &
setsid sleep 1002 &
(setsid sh -c 'sleep 1003 & exec sleep 1004' &)
(sleep 1005 &)
sleep 1006 & until grep -q sleep /proc/$!/comm; do :; done; kill -STOP $!
until [ -e end ]; do sleep 0.1; done
kill $(cat pids) 2>/dev/null
exit 9
"""
LONG = [f"sleep {number}" for number in range(1000, 1007)]


def command(pid):
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode(errors="replace").strip()


@pytest.fixture
def spread(scratch, start_guard):
    """(guard, {command line: pid}) of a job that has spread."""
    guard = start_guard("bash", "-c", SPREAD)

    def all_there():
        found = {command(pid): pid for pid in guard.family()}
        return found if all(name in found for name in LONG) else None

    found = wait_until(all_there, PATIENCE_S, "the job to spread")
    wait_until(lambda: is_stopped(found["sleep 1006"]), what="the one that was stopped")
    found.pop("sleep 1006")
    groups = {fields(found[name])[2] for name in LONG[:-1]}
    assert len(groups) == 4 and str(guard.pid) in groups
    scratch.file("pids", " ".join(str(found.get(name, "")) for name in LONG))
    return guard, found


def long_ones(found):
    return [pid for name, pid in found.items() if name in LONG]


def stopped_by_user(guard):
    (pid,) = [pid for pid in guard.family() if command(pid) == "sleep 1006"]
    return pid


def finish(guard, found, code):
    guard.scratch.file("end", "")
    assert guard.wait(PATIENCE_S) == code
    for pid in long_ones(found):
        wait_until(lambda pid=pid: not lives(pid), what="the job's children to end")


def test_everything_is_suspended_and_resumed(machine, spread):
    guard, found = spread
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        for _ in range(3):
            machine.say("shed", reason="memory")
            wait_until(lambda: all(is_stopped(pid) for pid in guard.family()), PATIENCE_S, "all")
            assert letter(stranger.pid) != "T" and letter(guard.pid) != "T"
            machine.say("normal")
            wait_all(long_ones(found), False)
            assert is_stopped(stopped_by_user(guard))
    finally:
        stranger.kill()
        stranger.wait()
    finish(guard, found, 9)
    assert guard.said("suspended 3 times")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGALRM])
def test_killed_while_paused(machine, spread, number):
    guard, found = spread
    machine.say("hard", reason="memory")
    wait_until(lambda: all(is_stopped(pid) for pid in guard.family()), PATIENCE_S, "all to stop")
    watcher = guard.watcher()
    guard.send(number)
    assert guard.wait() == -number
    wait_all(long_ones(found), False)
    guard.wait_said("the guard was killed: its job is resumed")
    assert is_stopped(stopped_by_user(guard))
    # The job runs to its end, although nobody waits for it.
    guard.scratch.file("end", "")
    wait_until(lambda: not any(lives(pid) for pid in found.values()), PATIENCE_S, "the end")
    wait_until(lambda: not lives(watcher), what="the watcher to end")


def test_killed_below_a_shell_with_job_control(scratch, machine):
    """The kernel hangs up a stopped group that lost its last link to the session: not here."""
    script = f"""set -m
{CTL} guard --state {machine.path} -- sh -c 'echo $$ >job; until [ -e end ]; do sleep 0.1; done; echo well >fate' &
echo $! >guard.new; mv guard.new guard
wait $!; until [ -e end ]; do sleep 0.1; done"""
    env = {**os.environ, "GUARD_LAB": str(scratch.path)}
    shell = subprocess.Popen(["bash", "-c", script], cwd=scratch.path, env=env, start_new_session=True)
    try:
        job = int(wait_until(lambda: read(scratch.path / "job"), what="the job"))
        guard = int(wait_until(lambda: read(scratch.path / "guard"), what="the guard"))
        machine.say("shed")
        wait_all([job], True)
        os.kill(guard, signal.SIGKILL)
        wait_all([job], False)
        scratch.file("end", "")
        wait_until(lambda: read(scratch.path / "fate") == "well\n", what="the job's end")
        assert shell.wait(DEADLINE_S) == 0
    finally:
        shell.kill()
        shell.wait()


def read(path):
    return path.read_text() if path.exists() else ""


def test_killed_while_running(spread):
    guard, found = spread
    guard.send(signal.SIGKILL)
    assert guard.wait() == -signal.SIGKILL
    guard.wait_said("the guard was killed: its job runs on")
    assert all(lives(pid) for pid in long_ones(found))
    guard.scratch.file("end", "")
    wait_until(lambda: not any(lives(pid) for pid in found.values()), PATIENCE_S, "the end")


def test_the_watcher_is_killed(machine, spread):
    guard, found = spread
    os.kill(stopped_by_user(guard), signal.SIGKILL)
    os.kill(guard.watcher(), signal.SIGKILL)
    guard.wait_said("the watcher was killed; the job is still guarded")
    for _ in range(2):
        machine.say("shed")
        wait_all(long_ones(found), True)
        machine.say("normal")
        wait_all(long_ones(found), False)
    finish(guard, found, 9)


def test_the_watcher_is_killed_while_paused(machine, spread):
    """The kernel hangs up the group, which is orphaned by that; who has another one goes on."""
    guard, found = spread
    machine.say("shed")
    wait_all(long_ones(found), True)
    os.kill(guard.watcher(), signal.SIGKILL)
    assert guard.wait(PATIENCE_S) == -signal.SIGHUP
    assert not any(is_stopped(pid) for pid in guard.family())


def test_the_watcher_has_a_name_of_its_own(start_guard):
    guard = start_guard("sleep", "1000")
    watcher = wait_until(guard.watcher, what="the watcher")
    assert command(watcher) == "guard-watcher" == comm(watcher)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        os.kill(watcher, number)
    assert fields(watcher)[2] == str(watcher) != fields(guard.pid)[2]  # its process group
    guard.send(signal.SIGTERM)
    assert guard.wait(PATIENCE_S) == -signal.SIGTERM
    assert not lives(watcher)


def test_without_standard_files(scratch, machine):
    """What it says of a pause does not go to the watcher, whose socket would be the next free descriptor."""

    class Bare(Guard):
        def argv(self):
            return ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *super().argv()]

    words = "until [ -e end ]; do sleep 0.1; done; exit 7"
    guarded = Bare(scratch, machine.path, ["sh", "-c", words]).spawn()
    try:
        wait_until(lambda: letter(guarded.pid) == "S" and guarded.watcher(), what="the watcher")
        named = f"sh -c {words}"
        job = wait_until(lambda: [pid for pid in guarded.family() if command(pid) == named], what="the job")
        machine.say("shed")
        wait_all(job, True)
        machine.say("normal")
        wait_all(job, False)
        scratch.file("end", "")
        assert guarded.wait(PATIENCE_S) == 7
    finally:
        end_everybody(scratch)


def test_the_whole_group_is_killed(machine, spread):
    """What is in other groups goes on; who shares the group is dead."""
    guard, found = spread
    machine.say("shed")
    wait_all(long_ones(found), True)
    os.killpg(guard.pid, signal.SIGKILL)
    guard.wait()
    wait_all([found[name] for name in ("sleep 1001", "sleep 1002", "sleep 1003", "sleep 1004")], False)


def test_the_user_stops_the_job(machine, start_guard):
    """Without a shell above the guard stays awake; the job is the user's until he lets it go."""
    guard = start_guard("sh", "-c", "echo $$ >job; until [ -e end ]; do sleep 0.1; done; exit 5")
    job = int(wait_until(lambda: read(guard.scratch.path / "job"), what="the job"))
    os.kill(job, signal.SIGSTOP)
    wait_all([job], True)
    machine.say("shed")
    guard.wait_said("suspended")
    machine.say("normal")
    guard.wait_said("resumed")
    assert is_stopped(job) and not is_stopped(guard.pid)
    os.kill(job, signal.SIGCONT)
    guard.scratch.file("end", "")
    assert guard.wait(PATIENCE_S) == 5


def test_many_children(machine, start_guard):
    words = "for i in $(seq 1000); do sleep 1000 & done; echo started; wait"
    guard = start_guard("sh", "-c", words)
    guard.wait_said("started")
    family = guard.family()
    assert len(family) == 1001
    for _ in range(2):
        machine.say("shed")
        wait_all(family, True)
        machine.say("normal")
        wait_all(family, False)
    machine.say("shed")
    wait_all(family, True)
    guard.send(signal.SIGKILL)
    guard.wait()
    wait_all(family, False)


def test_a_job_that_forks_all_the_time(machine, start_guard):
    words = "import os\nwhile True:\n if os.fork() == 0:\n  if os.fork(): os._exit(0)\n  os.setsid()\n  os._exit(0)\n os.wait()"
    guard = start_guard(sys.executable, "-c", words)
    wait_until(lambda: guard.family(), what="the job")
    for number in range(1, 4):
        machine.say("shed")
        guard.wait_said("suspended", number)
        family = wait_until(lambda: stopped_family(guard), PATIENCE_S, "all to be stopped")
        # Who is stopped makes no others: it is the same family for as long as one looks.
        for _ in range(20):
            assert guard.family() == family
        machine.say("normal")
        wait_until(lambda: guard.family() != family, PATIENCE_S, "new ones")
    guard.send(signal.SIGTERM)
    assert guard.wait(PATIENCE_S) == -signal.SIGTERM


def stopped_family(guard):
    family = guard.family()
    return family if family and all(is_stopped(pid) for pid in family) else None


def test_a_shell_with_job_control_does_not_notice(machine, start_guard):
    """It would take a stopped child for the user's wish, and go on with the next command."""
    words = "set -m; for i in 1 2 3; do sh -c 'until [ -e go$0 ]; do sleep 0.05; done' $i; echo got $?; done"
    guard = start_guard("bash", "-c", words)
    wait_until(lambda: len(guard.family()) >= 2, what="the job")
    for number in (1, 2, 3):
        machine.say("shed")
        guard.wait_said("suspended", number)
        wait_until(lambda: stopped_family(guard), PATIENCE_S, "all to be stopped")
        machine.say("normal")
        guard.wait_said("resumed", number)
        guard.scratch.file(f"go{number}", "")
        guard.wait_said("got 0", number)
    assert guard.wait(PATIENCE_S) == 0
    assert not guard.said("Stopped") and not guard.said("got 1")


def test_a_guard_in_a_guard(machine, start_guard):
    guard = start_guard(CTL, "guard", "-q", "--state", machine.path, "sh", "-c", "sleep 1000; :")
    family = wait_until(
        lambda: [pid for pid in guard.family() if command(pid) == "sleep 1000"], what="the job"
    )
    for _ in range(2):
        machine.say("shed")
        wait_all(family, True)
        machine.say("normal")
        wait_all(family, False)
    guard.send(signal.SIGTERM)
    assert guard.wait(PATIENCE_S) == -signal.SIGTERM


def test_what_is_left_behind_runs_on(machine, start_guard):
    guard = start_guard("sh", "-c", "setsid sleep 1000 & sleep 1001 & exit 3")
    assert guard.wait(PATIENCE_S) == 3
    assert guard.said("left behind")
    (pids, ours) = (guard.family(), everybody(guard.scratch))
    assert len(pids) == 2 and pids == ours and not any(is_stopped(pid) for pid in pids)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_job_of_another_user(scratch, machine):
    ctl = shutil.copy(CTL, scratch.path / "hostingpictl")
    helper = scratch.file("sleeper.c", "int main(void) { setuid(0); for (;;) pause(); }")
    sleeper = scratch.path / "sleeper"
    subprocess.run(["cc", "-include", "unistd.h", helper, "-o", sleeper], check=True)
    sleeper.chmod(0o4755)
    env = {**os.environ, "GUARD_LAB": str(scratch.path)}
    guard = subprocess.Popen(
        [ctl, "guard", "--state", machine.path, "sh", "-c", f"{sleeper} & sleep 1000 & wait"],
        user=65534, group=65534, extra_groups=[], env=env, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        names = {"sleeper", "sleep", "sh"}
        wait_until(lambda: names <= {comm(pid) for pid in everybody(scratch)}, what="the job")
        machine.say("shed")
        line = guard.stderr.readline()
        assert "cannot be suspended: it runs as another user" in line
        family = {comm(pid): pid for pid in everybody(scratch)}
        wait_all([family["sleep"], family["sh"]], True)
        assert letter(family["sleeper"]) == "S"
        machine.say("normal")
        wait_all([family["sleep"], family["sh"]], False)
    finally:
        guard.terminate()
        guard.wait(DEADLINE_S)
        guard.stderr.close()


@pytest.mark.skipif(not program("rsync"), reason="rsync is not installed")
def test_rsync(scratch, machine, start_guard):
    """A real copy, paused again and again, arrives whole. GUARD_RSYNC_MB=2048 for a large one."""
    size = int(os.environ.get("GUARD_RSYNC_MB") or 48) << 20
    pauses = 3 if size < 1 << 30 else 8
    source, copy = scratch.path / "source", scratch.path / "copy"
    source.mkdir()
    block = random.Random(7).randbytes(1 << 20)
    for number in range(8):
        with open(source / f"file{number}", "wb") as file:
            for chunk in range(size // 8 >> 20):
                file.write(block[chunk % 1000 :] + block[: chunk % 1000])
    # So slow (in KiB/s, 10 s for all) that there is something left to be paused.
    limit = f"--bwlimit={size // 10240}"
    guard = start_guard("rsync", "-a", "--whole-file", limit, f"{source}/", f"{copy}/", options=())
    for number in range(1, pauses + 1):
        wait_until(
            lambda: written(copy) > number * size // (pauses + 2), PATIENCE_S, "progress"  # noqa: B023
        )
        machine.say("shed", reason="memory low", headroom_bytes=30 << 20)
        guard.wait_said("suspended", number)
        before = wait_until(lambda: stopped_family(guard), PATIENCE_S, "all to be stopped")
        assert len(before) == 3 and written(copy) < size  # rsync's three processes
        machine.say("recover", reason="returning", headroom_bytes=90 << 20)
        guard.wait_said("resumed", number)
    assert guard.wait(10 * PATIENCE_S) == 0
    assert guard.said(f"suspended {pauses} times")
    names = sorted(path.name for path in source.iterdir())
    assert [digest(copy / name) for name in names] == [digest(source / name) for name in names]


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def written(folder):
    """Bytes in a folder, files that are being written as well."""
    total = 0
    for path in folder.iterdir() if folder.exists() else ():
        with contextlib.suppress(FileNotFoundError):  # renamed just now
            total += path.stat().st_size
    return total
