# SPDX-License-Identifier: MIT
"""The daemon posts: the real hostingpi-post against a Mastodon of our own, over TLS on loopback.

Theory of operation: the agent runs on a made-up Pi (--root, which also makes its clock count as right)
whose memory the test sets, with a run_dir on a tmpfs. The service notes each text with its
Idempotency-Key, answers a key that it knows as before, and can be told to answer otherwise.
"""

import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading

import harness
import pytest
from harness import BUILD, wait_until
from kmsg import make_root

SHM = pathlib.Path("/dev/shm")
pytestmark = pytest.mark.skipif(not SHM.is_dir(), reason="needs a tmpfs in /dev/shm")
WAIT_S = 30


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        body = json.loads(self.rfile.read(length))
        status, answer = self.server.service.take(self.headers, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class Service:
    def __init__(self, scratch):
        self.posts = []  # (key, text), those that were taken
        self.calls = []  # (key, text), all of them
        self.answer = None  # (status, document) instead of taking it
        self.certificate = scratch.path / "service.pem"
        key = scratch.path / "service.key"
        command = [harness.program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        command += ["-keyout", key, "-out", self.certificate, "-days", "2", "-subj", "/CN=lab"]
        command += ["-addext", "subjectAltName=IP:::1,IP:127.0.0.1"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        family = harness.families()[0]
        kind = _Server6 if family == socket.AF_INET6 else _Server
        self.server = kind((harness.LOOPBACK[family], 0), _Handler)
        self.server.service = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://{harness.url_host(family)}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, headers, body):
        post = (headers.get("Idempotency-Key"), body["status"])
        self.calls.append(post)
        if headers.get("Authorization") != "Bearer lab-secret":
            return 401, {"error": "The access token is invalid"}
        if self.answer:
            return self.answer
        if post not in self.posts:
            self.posts.append(post)
        return 200, {"id": str(1000 + self.posts.index(post))}

    def texts(self, part=""):
        return [text for _, text in self.posts if part in text]

    def wait_for(self, part, count=1):
        wait_until(lambda: len(self.texts(part)) >= count, WAIT_S, what=f"{part!r} at the service")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(name="service")
def make_service(scratch):
    service = Service(scratch)
    yield service
    service.close()


class Poster(harness.Agent):
    """The agent with everything set up to post without a pause."""

    def __init__(self, scratch, service):
        self.root = make_root(scratch, "root")
        self.credentials = scratch.file("credentials", "access_token = lab-secret\n")
        self.credentials.chmod(0o600)
        super().__init__(scratch, options=("--root", self.root))
        self.run_dir = pathlib.Path(tempfile.mkdtemp(prefix="hostingpi-lab-", dir=SHM))
        self.configure(
            {
                "agent": {"run_dir": self.run_dir},
                "post": {"service": "mastodon", "min_gap": "0ms", "max_per_day": 1000},
                "nat64": {"prefix": "none"},
                "mastodon": {
                    "url": service.url,
                    "credential_file": self.credentials,
                    "ca_file": service.certificate,
                },
            }
        )

    def status_of_posts(self):
        return self.status()["notifiers"]["post"]

    def wait_for_posts(self, predicate, what):
        return wait_until(lambda: predicate(self.status_of_posts()), WAIT_S, what=what)

    def set_free(self, kilobytes):
        """Rewritten in place, as long as before: the agent has the file open."""
        path = self.root / "proc/meminfo"
        lines = path.read_text().splitlines()
        for i, line in enumerate(lines):
            if line.startswith(("MemFree:", "MemAvailable:")):
                lines[i] = f"{line.split(':')[0]}: {kilobytes:>6} kB"
        with open(path, "r+", encoding="ascii") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def wait_for_state(self, *states):
        def reached():
            return self.status()["decision"]["state"] in states

        wait_until(reached, WAIT_S, what=f"the state {states}")

    def say(self, *words):
        """hostingpictl post."""
        argv = [BUILD / "hostingpictl", "--socket", self.run_dir / "control.sock", "post", *words]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [str(word) for word in argv],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def close(self):
        super().close()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def kill_and_start(self):
        """SIGKILL, with the run_dir left as it is."""
        self.kill()
        return self.start()


@pytest.fixture(name="poster")
def make_poster(scratch, service):
    return Poster(scratch, service)


def assert_nothing_twice(service):
    keys = [key for key, _ in service.posts]
    texts = [text for _, text in service.posts]
    assert len(set(keys)) == len(keys) and len(set(texts)) == len(texts)


def test_messages_arrive(poster, service):
    poster.start()
    service.wait_for("lab is up, ")
    status = poster.wait_for_posts(lambda p: p["posted"] == 1 and p, "the result")
    assert status["last_result"]["id"] == service.posts[0][0]
    assert status["last_result"]["kind"] == "start"
    assert status["last_result"]["remote_id"] == "1000"
    assert status["last_result"]["via"] in ("ipv6", "ipv4")
    assert "to spare." in service.posts[0][1]

    done = poster.say("--wait", 'Grüße, "quoted"\nand 🥧')
    assert (done.returncode, done.stdout) == (0, "posted as 1001\n")
    assert service.posts[1][1] == 'Grüße, "quoted"\nand 🥧'
    done = poster.say("one more")
    assert done.returncode == 0 and done.stdout.startswith("queued as ")
    service.wait_for("one more")

    service.answer = (422, {"error": "Validation failed: too rude"})
    done = poster.say("--wait", "rude")
    assert done.returncode == 65 and "too rude" in done.stderr
    done = poster.say("")
    assert done.returncode == 1 and "1 to 2000 bytes" in done.stderr
    wait_until(
        lambda: {
            name: value
            for name, value in poster.status()["state"]["self"].items()
            if name.startswith("posts_")
        }
        == {"posts_waiting": 0, "posts_total": 3, "posts_lost_total": 1},
        WAIT_S,
        what="the readings",
    )
    assert "post: start " in poster.tail() and "lab-secret" not in poster.tail()
    assert_nothing_twice(service)


def test_hard_level_holds_back(poster, service):
    """A flapping Pi is in tests/unit/test-poster.c: five minutes of calm are too long here."""
    poster.start()
    service.wait_for("lab is up, ")
    poster.set_free(1000)
    poster.wait_for_state("hard")
    assert poster.say("held back").returncode == 0
    poster.wait_for_posts(
        lambda p: p["waiting"] == 2 and p["why_waiting"] == "this machine is at the hard level",
        "messages that are held back",
    )
    assert len(service.texts()) == 1
    poster.set_free(700000)
    service.wait_for("held back")
    service.wait_for("out of breath")
    assert len(service.texts("out of breath")) == 1
    assert_nothing_twice(service)


def test_survives_being_killed(poster, service):
    service.answer = (503, {"error": "busy"})
    poster.start()
    wait_until(lambda: service.calls, WAIT_S, what="the first attempt")
    done = poster.say("--wait", "--timeout", "1", "later")
    assert done.returncode == 75 and "stays in the queue" in done.stderr
    waiting = poster.status_of_posts()["queue"]
    assert len(waiting) == 2
    poster.kill_and_start()
    status = poster.status_of_posts()
    assert status["kept"] and status["queue"] == waiting
    service.answer = None
    poster.kill_and_start()  # the pause after a failure is not kept: a new life tries at once
    service.wait_for("later")
    service.wait_for("lab is up, ")
    poster.wait_for_posts(lambda p: p["waiting"] == 0, "an empty queue")
    poster.kill_and_start()
    assert poster.status_of_posts()["posted"] == 2
    assert [key for key, _ in service.posts] == waiting
    assert_nothing_twice(service)
    # The start was told in the first of these lives.
    assert len(service.texts("lab is up, ")) == 1
    assert not list((poster.run_dir / "outbox").glob("*.json"))


def test_open_credentials(poster, service):
    poster.credentials.chmod(0o644)
    poster.start()
    done = poster.say("--wait", "secret?")
    assert done.returncode == 77 and "chmod 600" in done.stderr
    wait_until(lambda: "nothing is posted until" in poster.tail(), WAIT_S, what="the log")
    assert not service.calls
    poster.credentials.chmod(0o600)
    poster.reload()
    service.wait_for("secret?")
    assert poster.tail().count("nothing is posted until") == 1


def test_no_service(scratch, service):
    poster = Poster(scratch, service)
    poster.configure({"post": {"service": "none"}})
    poster.start()
    done = poster.say("nobody listens")
    assert done.returncode == 1 and "no notifier is set up to post" in done.stderr
    assert not (poster.run_dir / "outbox").exists()
    assert poster.status_of_posts()["configured"] is False


def test_the_end_does_not_wait(poster, service):
    """A program that hangs: the agent ends in time, and takes it along."""
    hanging = poster.scratch.file("hang", "#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    poster.configure({"post": {"program": hanging}})
    poster.start()
    poster.wait_for_posts(lambda p: p["why_waiting"] == "one is being sent", "an attempt")
    children = pathlib.Path(f"/proc/{poster.pid}/task/{poster.pid}/children").read_text().split()
    assert len(children) == 1
    poster.signal(signal.SIGTERM)
    assert poster.wait() == 0
    wait_until(lambda: not pathlib.Path(f"/proc/{children[0]}").exists(), WAIT_S, what="its end")


@pytest.mark.parametrize(
    "words, message",
    [
        (["post"], "'post' needs a text"),
        (["post", "two", "words"], "one text only"),
        (["status", "--wait"], "--wait belongs to the command post"),
        (["post", "x", "--timeout", "3"], "--timeout belongs to the command post with --wait"),
        (["post", "x", "--wait", "--timeout", "0"], "--timeout takes a number of at least 1"),
        (["post", "x", "--wait", "--timeout", "99999999"], "--timeout takes a number"),
    ],
)
def test_wrong_usage(words, message):
    done = subprocess.run(
        [BUILD / "hostingpictl", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
