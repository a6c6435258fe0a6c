# SPDX-License-Identifier: MIT
"""hostingpictl against the real agent: answers, exit codes, the terminal, hostile clients."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import harness
import pytest
import terminal
from process import wait_until

CTL = harness.BUILD / "hostingpictl"
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


def ctl(*words, path=None, **keys):
    """Runs hostingpictl to its end."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **keys.pop("env", {})}
    where = ["--socket", path] if path else []
    argv = [str(word) for word in (keys.pop("program", CTL), *where, *words)]
    keys.setdefault("stdout", subprocess.PIPE)
    keys = {"stderr": subprocess.PIPE, "text": True, "timeout": 60, **keys}
    return subprocess.run(argv, env=environment, **keys)


@pytest.fixture
def agent(start_agent):
    return start_agent()


@pytest.fixture
def control(agent):
    return agent.run_dir / "control.sock"


def test_status(control):
    done = ctl("status", path=control)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("lab, hostingpid ")
    rows = {line[2:14].strip(): line[16:] for line in done.stdout.splitlines()[1:]}
    assert re.match(r" *\d+ %  █+", rows["weight"])
    assert re.match(r" *\d+\.\d [KMG]iB  [█░┃]+  of \d.*iB", rows["headroom"])
    assert "listens on " in rows["agent-check"]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("words", [("--json", "status"), ("status", "--json")])
def test_json(agent, control, words):
    done = ctl(*words, path=control)
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["id"] == "lab"
    assert 1 <= document["decision"]["weight"] <= 100
    assert document["decision"]["maxconn"] >= 1
    listening = document["notifiers"]["haproxy"]["listen"]
    assert any(address.endswith(f":{agent.agent_port}") for address in listening)


def test_socket_from_the_environment(control):
    assert ctl("status", env={"HOSTINGPI_SOCKET": str(control)}).returncode == 0
    # The option wins, and an empty variable counts for nothing.
    assert ctl("status", path=control, env={"HOSTINGPI_SOCKET": "/nowhere"}).returncode == 0
    done = ctl("status", env={"HOSTINGPI_SOCKET": "/nowhere"})
    assert done.returncode == 3 and "/nowhere" in done.stderr


def test_drain_and_ready(agent, control):
    def state():
        return json.loads(ctl("status", "--json", path=control).stdout)["decision"]

    done = ctl("drain", "--reason", "new card", path=control)
    assert done.returncode == 0 and "hostingpictl ready" in done.stdout
    wait_until(lambda: state()["state"] == "hold", what="the state hold")
    assert state()["drain"] and "new card" in state()["reason"]
    assert "drain" in agent.agent_check()
    done = ctl("status", path=control)
    assert done.returncode == 0 and "hold: drained" in done.stdout and "new card" in done.stdout
    assert f"drain asked for by user id {os.getuid()} " in agent.tail()

    done = ctl("--json", "ready", path=control)
    assert done.returncode == 0 and json.loads(done.stdout) == {"ok": True}
    wait_until(lambda: state()["state"] in ("recover", "normal"), what="the state recover")
    assert not state()["drain"]


@pytest.mark.parametrize("reason", ["", "x" * 49, "card #2", "Kühler", "a\nb"])
def test_reason_that_cannot_be_shown(agent, control, reason):
    done = ctl("drain", "--reason", reason, path=control)
    assert done.returncode == 1
    assert "1 to 48 printable ASCII characters without '#'" in done.stderr
    assert agent.status()["decision"]["state"] != "hold"


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "a command is missing"),
        (["statsu"], "unknown command 'statsu'"),
        (["status", "ready"], "one command only"),
        (["status", "--", "ready"], "one command only"),
        (["--colour", "status"], "unknown option '--colour'"),
        (["-xh", "status"], "unknown option '-x'"),
        (["status", "-n", "3"], "-n belongs to the command watch"),
        (["watch", "--reason", "x"], "--reason belongs to the command drain"),
        (["watch", "-n"], "'-n' needs a value"),
        (["watch", "-n", "0"], "at least 1"),
        (["watch", "-n", "3x"], "at least 1"),
        (["watch", "-n", "99999999999999999999"], "at least 1"),
        (["--socket", "/" + "x" * 200, "status"], "107 characters"),
        (["check"], "a host is missing"),
        (["help", "histroy"], "unknown command 'histroy'"),
        (["drain", "--port", "80"], "--port belongs to the command drain --rehearse"),
        (["drain", "--rehearse", "1s"], "from 5s to 1h"),
        (["drain", "--rehearse", "1m", "--for", "1m"], "--for belongs to the command drain"),
    ],
)
def test_wrong_usage(words, message):
    done = ctl(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.startswith("hostingpictl: ") and done.stderr.count("\n") == 1


def test_help_and_version():
    summary = ctl("--help").stdout
    for words in (["-h"], ["--help"], ["help"]):
        done = ctl(*words)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout == summary
    commands = re.findall(r"^  ([a-z]+)", summary, re.MULTILINE)
    assert {"status", "watch", "history", "drain", "ready", "guard", "forget"} <= set(commands)
    for command in commands:
        text = ctl("help", command).stdout
        # Each way to say it; a command with a line of its own speaks for itself.
        for words in ([command, "--help"], ["--help", command]):
            done = ctl(*words)
            assert (done.returncode, done.stderr) == (0, "") and done.stdout == text
        assert f"{command} " in text
    assert "--rehearse" in ctl("help", "drain").stdout
    assert "--rehearse" not in ctl("help", "ready").stdout
    done = ctl("--version")
    assert done.returncode == 0 and re.fullmatch(r"hostingpictl \S+\n", done.stdout)


def test_output_that_cannot_be_written(control):
    with open("/dev/full", "w", encoding="ascii") as full:
        for words in (["status"], ["--json", "status"], ["watch", "-n1"], ["ready"]):
            done = ctl(*words, path=control, stdout=full)
            assert done.returncode == 1 and "standard output" in done.stderr


def test_no_daemon(agent, control):
    missing = ctl("status", path=agent.run_dir / "other.sock")
    assert missing.returncode == 3
    assert "systemctl start hostingpid" in missing.stderr and "--socket" in missing.stderr
    # A killed daemon leaves its socket behind, which is in nobody's way.
    agent.kill()
    assert control.is_socket()
    for words in (["status"], ["drain"], ["watch"], ["watch", "--json"]):
        stale = ctl(*words, path=control)
        assert stale.returncode == 3 and "systemctl start hostingpid" in stale.stderr
    agent.start()
    assert ctl("status", path=control).returncode == 0
    assert agent.term() == 0
    assert not control.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_no_permission(control):
    assert control.stat().st_mode & 0o777 == 0o660
    # A clone below a folder of mode 0700 is out of reach for the other user.
    program = shutil.copy(CTL, control.parent / "hostingpictl")
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    done = ctl("status", path=control, program=program, **nobody)
    assert done.returncode == 3 and "group hostingpi" in done.stderr


def test_two_daemons(agent, control):
    second = harness.Agent(agent.scratch, {"agent": {"run_dir": agent.run_dir}}, name="second")
    second.spawn()
    assert second.wait() == 1
    assert "another hostingpid answers on" in second.tail()
    assert ctl("status", path=control).returncode == 0


def test_run_dir_that_cannot_be_made(scratch):
    config = {"agent": {"run_dir": "/proc/hostingpi"}}
    agent = harness.Agent(scratch, config)
    agent.spawn()
    wait_until(lambda: "[agent] run_dir" in agent.tail(), what="the remedy in the log")
    wait_until(lambda: harness.can_connect(agent.agent_port), what="the agent-check")
    assert "up " in agent.agent_check()
    assert agent.term() == 0


def connect(control):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(str(control))
    return sock


def test_hostile_clients(agent, control):
    """Garbage, endless lines, clients that do not read and silent ones, all at once."""
    lines = [b"\0" * 100 + b"\n", b"{" * 512 + b"\n", b'{"command":"\xff"}\n', b"\n" * 400]
    with contextlib.ExitStack() as stack:
        deaf, endless, silent = (stack.enter_context(connect(control)) for _ in range(3))
        deaf.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                deaf.send(b'{"command":"status"}\n' * 24)
        endless.sendall(b"x" * 1_000_000)
        for line in lines:
            with connect(control) as sock:
                sock.sendall(line)
                answer = json.loads(sock.makefile("rb").readline())
                assert set(answer) == {"error"}
            assert ctl("status", path=control).returncode == 0
        # The endless line was told once; then it is a client like any other.
        endless.sendall(b'\n{"command":"status"}\n')
        reader = endless.makefile("rb")
        assert "4096 bytes" in json.loads(reader.readline())["error"]
        assert json.loads(reader.readline())["id"] == "lab"
        assert silent.fileno() >= 0
    assert agent.alive()


def test_all_places_taken(agent, control):
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connect(control))
        # Silent ones make room after two seconds; until then a newcomer is told.
        wait_until(lambda: ctl("status", path=control).returncode == 0, what="a place")
    assert agent.alive()


@pytest.mark.parametrize(
    "answer, message",
    [
        (b"", "hung up"),
        (b'{"id":', "in the middle"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not a JSON object"),
        (b"[" * 5000 + b"\n", "not a JSON object"),
        (b"x" * 200_000, "longer than 64 KiB"),
        (b'{"error":"\\u001b[2Jno"}\n', "the agent refused: ?[2Jno"),
    ],
    ids=["nothing", "cut", "text", "deep", "endless", "error"],
)
def test_broken_daemon(scratch, answer, message):
    path = scratch.path / "fake.sock"

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock, contextlib.suppress(OSError):
                    sock.recv(4096)
                    sock.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        for words in (["status"], ["--json", "status"], ["drain"], ["watch", "-n", "1"]):
            done = ctl(*words, path=path)
            assert done.returncode == 1 and message in done.stderr
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_watch_in_a_pipe(control):
    done = ctl("watch", "-n", "2", path=control)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(re.match(r"\d\d:\d\d:\d\d  \w+  weight \d+  maxconn \d+", line) for line in lines)
    done = ctl("watch", "--json", "-n2", path=control)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(documents) == 2 and documents[0]["seq"] <= documents[1]["seq"]
    # Who reads the pipe may leave.
    pipe = subprocess.Popen([CTL, "--socket", control, "watch"], stdout=subprocess.PIPE)
    assert pipe.stdout.readline()
    pipe.stdout.close()
    assert pipe.wait(30) == -signal.SIGPIPE


class Terminal(terminal.Terminal):
    """hostingpictl on a pseudo terminal."""

    def __init__(self, *words, **keys):
        super().__init__(CTL, *words, **keys)


def test_a_pipe_cuts_nothing(agent, control):
    """A name that has no room in 80 columns: whole in a pipe, cut in a window."""
    name = "a-load-balancer-with-a-long-name/and-the-name-of-its-backend"
    for family in harness.families():
        agent.agent_check(family, send=name.encode() + b"\n")
    wait_until(lambda: name in ctl("status", path=control).stdout, what="the whole name in a pipe")
    window = Terminal("--socket", control, "status", columns=80)
    try:
        window.wait_for(b"ago")
        window.end()
        text = window.screen()
    finally:
        window.kill()
    assert name not in text and "a-load-balancer" in text
