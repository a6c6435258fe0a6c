# SPDX-License-Identifier: MIT
"""What may not be seen, while a post hangs: secrets in no place that others can read."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import threading

import harness
import pytest
from post_lab import PostingAgent
from post_service import Fault
from post_verifier import KEYS, TOKEN, oauthlib

pytestmark = pytest.mark.skipif(oauthlib is None, reason="needs python3-oauthlib (tests/deps.sh)")

SECRETS = [KEYS["consumer_secret"], KEYS["token_secret"], TOKEN]

PLACES = ("cmdline", "environ", "comm", "status", "maps")


def proc(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except PermissionError:
        assert os.geteuid() != 0
        return b""  # the user who runs it may not even look


def assert_no_secret(where, data):
    for secret in SECRETS:
        assert secret.encode() not in data, where


@pytest.fixture(params=["x", "mastodon"])
def hanging(post_service, request):
    """A poster and its process in the middle of a post."""
    post_service.faults = [Fault("hang")]
    one = post_service.poster(request.param, post={"timeout": "30s"})
    popen = one.spawn("nobody answers")
    harness.wait_until(lambda: post_service.requests)
    yield one, popen
    popen.kill()
    popen.wait()


def test_while_it_hangs(post_service, hanging):
    one, popen = hanging
    sent = str(post_service.requests[0].headers)
    assert TOKEN in sent or KEYS["consumer_key"] in sent  # it did read them
    for name in PLACES:
        assert_no_secret(name, proc(popen.pid, name))
    (core,) = [line for line in proc(popen.pid, "limits").splitlines() if b"Max core" in line]
    assert core.split()[4:6] == [b"0", b"0"]
    popen.send_signal(signal.SIGTERM)
    outcome = one.outcome(popen)
    assert_no_secret("result", str(outcome).encode())
    files = [path for path in post_service.scratch.path.rglob("*") if path.is_file()]
    for path in set(files) - {one.credentials}:
        if not path.name.endswith(".credentials"):
            assert_no_secret(path, path.read_bytes())


@pytest.mark.parametrize("kind", ["x", "mastodon"])
def test_while_the_agent_posts(post_service, kind):
    """The same of the agent, its files, and the program as it starts it."""
    post_service.faults = [Fault("hang")]
    agent = PostingAgent(post_service.scratch, post_service.poster(kind)).start()
    try:
        harness.wait_until(lambda: post_service.requests)
        child = agent.poster_pid()
        environ = proc(child, "environ").split(b"\0")[:-1]
        names = {row.partition(b"=")[0] for row in environ}
        assert names <= {b"PATH", b"LANG", b"TZ", b"CREDENTIALS_DIRECTORY"}
        assert pathlib.Path(f"/proc/{child}/oom_score_adj").read_text() == "500\n"
        limits = pathlib.Path(f"/proc/{child}/limits").read_text()
        assert re.search(r"Max core file size +0 +0", limits)
        assert re.search(rf"Max address space +{256 << 20} +{256 << 20}", limits)
        kept = list(agent.run_dir.glob("outbox/*.json"))
        assert len(kept) == 1  # the message, as it will be sent again
        for path in [*kept, agent.log]:
            assert_no_secret(path, path.read_bytes())
        for name in PLACES:
            assert_no_secret(name, proc(agent.pid, name))
        assert_no_secret("status", str(agent.status()).encode())
        mapped = pathlib.Path(f"/proc/{agent.pid}/maps").read_text()
        assert not re.search(r"libcurl|liboauth|libunistring", mapped)
    finally:
        agent.kill()  # it would wait for the program
        agent.close()
    harness.wait_until(lambda: not os.path.exists(f"/proc/{child}"))  # it died with the agent
    assert_no_secret("log", agent.log.read_bytes())


def test_no_core(hanging):
    """Not even where the limit is ignored, which is so when the core goes to a program."""
    _, popen = hanging
    popen.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(popen.pid, 0)
    popen.returncode = -signal.SIGSEGV  # reaped here
    assert os.WTERMSIG(status) == signal.SIGSEGV and not os.WCOREDUMP(status)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run it as somebody else")
def test_not_dumpable(post_service):
    """Others of the same user may not look into it: the kernel then gives its files to root."""
    nobody = 65534
    folder = post_service.scratch.path
    copy = shutil.copy(harness.BUILD / "hostingpi-post", folder / "as-nobody")
    post_service.faults = [Fault("hang")]
    one = post_service.poster()
    one.wrapper = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", "--"]
    os.chown(one.credentials, nobody, nobody)
    popen = one.spawn("nobody looks", program=copy)
    try:
        harness.wait_until(lambda: post_service.requests)
        uids = proc(popen.pid, "status").partition(b"Uid:")[2].split()[:4]
        assert uids == [str(nobody).encode()] * 4
        assert os.stat(f"/proc/{popen.pid}/environ").st_uid == 0
    finally:
        popen.kill()
        popen.wait()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o620])
def test_loose_mode(post_service, mode):
    one = post_service.poster()
    one.credentials.chmod(mode)
    outcome = one.post("one")
    assert outcome.code == 77 and "chmod 600" in outcome.detail and not post_service.connections
    one.credentials.chmod(0o600)
    assert one.post("one").result["result"] == "posted"


def test_credentials_that_are_not_there(post_service):
    one = post_service.poster()
    one.write_credentials({key: value for key, value in KEYS.items() if key != "token"})
    outcome = one.post("one")
    assert outcome.code == 77 and "token" in outcome.detail
    one.credentials.unlink()
    outcome = one.post("one")
    assert outcome.code == 77 and "[x] credential_file" in outcome.detail
    assert not post_service.connections


def test_dry_run_masks(post_service):
    for kind in "x", "mastodon":
        one = post_service.poster(kind)
        one.wrapper = ["sh", "-c", 'exec "$0" "$@" --dry-run']
        stdout, stderr = one.spawn("what would be sent").communicate(timeout=20)
        assert b"what would be sent" in stdout and b"***" in stdout
        assert_no_secret("dry run", stdout + stderr)
    assert not post_service.connections


@contextlib.contextmanager
def listening():
    """Somebody who only counts who comes. Gives (port, list of callers)."""
    callers = []
    server = socket.create_server(("127.0.0.1", 0))

    def count():
        with contextlib.suppress(OSError):
            while True:
                connection, peer = server.accept()
                callers.append(peer)
                connection.close()

    threading.Thread(target=count, daemon=True).start()
    try:
        yield server.getsockname()[1], callers
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_environment_changes_nothing(post_service):
    """No proxy, no other authority, no key log, no .curlrc."""
    keylog = post_service.scratch.path / "keys.log"
    with listening() as (port, callers):
        names = ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
        env = {name: f"http://127.0.0.1:{port}" for name in names}
        env |= {"CURL_CA_BUNDLE": "/dev/null", "SSLKEYLOGFILE": str(keylog)}
        env |= {"CURLOPT_SSL_VERIFYPEER": "0", "HOME": str(post_service.scratch.path)}
        post_service.scratch.file(".curlrc", f"proxy = http://127.0.0.1:{port}\n")
        assert post_service.poster().post("one", env=env).result["result"] == "posted"
        wrong = {"x": {"ca_file": "/etc/ssl/certs/ca-certificates.crt"}}
        env |= {"SSL_CERT_FILE": str(post_service.ca)}
        assert post_service.poster(**wrong).post("two", env=env).code == 75
    assert not callers and not keylog.exists() and post_service.texts() == ["one"]
