# SPDX-License-Identifier: MIT
"""Running hostingpi-post, by hand or by the agent: configuration, credentials, messages."""

import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
import tempfile
import time

from harness import BUILD, REPO, Agent
from post_service import MASTODON, X_V2
from post_verifier import KEYS, TOKEN

EXITS = {
    "posted": 0,
    "duplicate": 0,
    "retry": 75,
    "rejected": 65,
    "unauthorised": 77,
    "no_credit": 77,
}
FIELDS = ["id", "result", "status", "remote_id", "retry_after_s", "detail", "cut", "via", "prefix"]
_numbers = itertools.count(1)
MEMORY = "/dev/shm"  # the outbox wants a tmpfs
LONGEST_S = 60  # far more than any time-out that is configured here


@dataclasses.dataclass
class Outcome:
    code: int
    result: dict
    stderr: str
    seconds: float

    def __getattr__(self, name):
        """outcome.via is outcome.result["via"]."""
        try:
            return self.result[name]
        except KeyError:
            raise AttributeError(name) from None


def read_outcome(code, stdout, stderr, seconds):
    """Every result has all fields, and its exit code is the one of its word."""
    lines = stdout.splitlines()
    assert len(lines) == 1, (code, stdout, stderr)
    result = json.loads(lines[0])
    assert list(result) == FIELDS
    assert code == EXITS[result["result"]], result
    assert (result["prefix"] is not None) == (result["via"] == "nat64"), result
    assert result["remote_id"] if result["result"] == "posted" else not result["remote_id"]
    return Outcome(code, result, stderr, seconds)


class Poster:
    """wrapper: words in front of the program, such as nsenter; settings: {section: {key: value}}."""

    def __init__(self, scratch, base_url, ca, service="x", wrapper=(), settings=None):
        name = f"post{next(_numbers)}"
        self.wrapper = [str(word) for word in wrapper]
        self.credentials = scratch.file(f"{name}.credentials")
        self.write_credentials({"access_token": TOKEN} if service == "mastodon" else KEYS)
        self.config = scratch.path / f"{name}.conf"
        path = MASTODON if service == "mastodon" else X_V2
        self.settings = {
            "post": {"service": service, "timeout": "10s"},
            service: {
                "url": base_url + path,
                "ca_file": ca,
                "credential_file": self.credentials,
            },
            "nat64": {"prefix": "none"},
        }
        self.configure(settings or {})

    def write_credentials(self, values, mode=0o600):
        self.credentials.write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
        self.credentials.chmod(mode)

    def configure(self, settings):
        for section, keys in settings.items():
            self.settings.setdefault(section, {}).update(keys)
        parts = []
        for section, keys in self.settings.items():
            parts += [f"[{section}]", *(f"{key} = {value}" for key, value in keys.items()), ""]
        self.config.write_text("\n".join(parts), encoding="utf-8")

    def spawn(self, text, message_id="lab-1", env=None, program=None):
        """The running program, which has its message."""
        words = [*self.wrapper, program or BUILD / "hostingpi-post", "-c", self.config]
        popen = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **(env or {})},
        )
        popen.stdin.write(json.dumps({"id": message_id, "text": text}).encode())
        popen.stdin.close()
        popen.stdin = None  # or communicate() would flush it
        return popen

    def post(self, text, message_id="lab-1", env=None):
        before = time.monotonic()
        popen = self.spawn(text, message_id, env)
        return self.outcome(popen, before)

    def outcome(self, popen, before=0.0):
        try:
            stdout, stderr = popen.communicate(timeout=LONGEST_S)
        finally:
            popen.kill()
        seconds = time.monotonic() - before
        return read_outcome(popen.returncode, stdout.decode(), stderr.decode(), seconds)


class PostingAgent(Agent):
    """An agent that posts with the configuration of a poster, without waiting between messages. It looks
    at a recorded board: of another machine's clock nothing is known, so it counts as right."""

    def __init__(self, scratch, poster, name="agent", wrapper=(), board="pi3b"):
        self.memory = tempfile.TemporaryDirectory(prefix="hostingpi-", dir=MEMORY)
        options = ["--root", REPO / "tests" / "roots" / board] if board else []
        super().__init__(scratch, poster.settings, name, options, wrapper)
        self.run_dir = pathlib.Path(self.memory.name)
        self.configure({"agent": {"id": "hostingpi3", "run_dir": self.run_dir}})
        self.configure({"post": {"min_gap": "1s", "daily_at": ""}})

    def post_status(self):
        return self.status()["notifiers"]["post"]

    def poster_pid(self):
        """The running hostingpi-post, or None."""
        return child_of(self.pid)

    def close(self):
        super().close()
        self.memory.cleanup()


def child_of(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return int(path.read_text().split()[0])
    except (OSError, IndexError):
        return None
