# SPDX-License-Identifier: MIT
"""The decision as files: what scripts and web servers see of it, and what stands in the way."""

import contextlib
import json
import pathlib
import subprocess
import urllib.error
import urllib.request

import pytest

from harness import REPO, Agent, Nginx, families, url_host, wait_until
from test_haproxy import CAP, Memory
from web_servers import MODULES, Apache, Lighttpd

EXAMPLES = REPO / "examples" / "busy-page"


@pytest.fixture(name="memory")
def made_up_memory(scratch):
    return Memory(scratch)


def make_agent(scratch, memory, run_dir, *options, **keys):
    config = {"control": {"cap": CAP}, "agent": {"run_dir": run_dir, "interval": "250ms"}}
    agent = Agent(scratch, config, options=("--root", memory.root, *options), **keys)
    agent.run_dir = run_dir
    return agent


def read(run_dir):
    with contextlib.suppress(FileNotFoundError):
        return json.loads((run_dir / "state").read_text())
    return {}


def names(run_dir):
    return {name for name in ("state", "soft", "hard") if (run_dir / name).exists()}


def test_files_follow_the_decision(scratch, memory, run_dir):
    agent = make_agent(scratch, memory, run_dir).start()
    wait_until(lambda: read(run_dir).get("state") == "normal", what="normal")
    assert names(run_dir) == {"state"}
    memory.set(20000)
    wait_until(lambda: names(run_dir) == {"state", "soft", "hard"}, what="the hard level")
    assert (run_dir / "hard").read_text().startswith("hard ")
    wait_until(lambda: read(run_dir)["state"] == "hard", what="the hard level in state")
    seen = read(run_dir)
    assert (seen["weight"], seen["id"], seen["pid"]) == (1, "lab", agent.pid)
    # It is the present headroom, and the time that of the last sample.
    wait_until(lambda: read(run_dir)["ts"] > seen["ts"], what="a fresh time")
    memory.set(19000)
    headroom = seen["headroom_bytes"]
    wait_until(lambda: read(run_dir)["headroom_bytes"] < headroom, what="another headroom")
    assert agent.term() == 0
    assert names(run_dir) == set()


def test_dry_run(scratch, memory, run_dir):
    memory.set(20000)
    make_agent(scratch, memory, run_dir, "--dry-run").start()
    wait_until(lambda: read(run_dir).get("state") == "hard", what="the hard level in state")
    assert read(run_dir)["dry_run"] is True and names(run_dir) == {"state"}


def test_killed_and_started_again(scratch, memory, run_dir):
    memory.set(20000)
    agent = make_agent(scratch, memory, run_dir).start()
    wait_until(lambda: names(run_dir) == {"state", "soft", "hard"}, what="the hard level")
    agent.kill()
    assert names(run_dir) == {"state", "soft", "hard"}
    memory.set(600000)
    agent.start()
    wait_until(lambda: read(run_dir).get("pid") == agent.pid, what="the new one")
    wait_until(lambda: names(run_dir) == {"state"}, what="what is left to be removed")


def test_operator_drains(scratch, memory, run_dir):
    agent = make_agent(scratch, memory, run_dir).start()
    agent.ask("drain", reason="new card")
    wait_until(lambda: names(run_dir) == {"state", "soft"}, what="soft")
    assert (run_dir / "soft").read_text() == "hold operator: new card\n"
    agent.ask("ready")
    wait_until(lambda: names(run_dir) == {"state"}, what="soft to go")


def test_a_full_tmpfs(scratch, memory):
    """Marks appear all the same, what is old is not left there, and all is well when there is room."""
    mount = scratch.path / "small"
    mount.mkdir()
    with contextlib.suppress(OSError):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0755", "none", mount], check=False)
    if done.returncode != 0:
        pytest.skip("may not mount a tmpfs here")
    try:
        agent = make_agent(scratch, memory, mount).start()
        wait_until(lambda: read(mount).get("state") == "normal", what="normal")
        with contextlib.suppress(OSError), open(mount / "filler", "wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass
        memory.set(20000)
        wait_until(lambda: {"soft", "hard"} <= names(mount), what="the marks")
        wait_until(lambda: read(mount).get("state", "hard") == "hard", what="no old news")
        (mount / "filler").unlink()
        wait_until(lambda: read(mount).get("state") == "hard", what="state to be true")
        wait_until(lambda: (mount / "hard").read_text().startswith("hard "), what="its words")
        assert agent.tail().count("No space left") <= 3
        assert agent.term() == 0
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


class Busy:
    """An example, with the marks in another folder, asked over both families."""

    def __init__(self, server, port, mark):
        self.port, self.mark = port, mark
        server.start()

    def get(self, path, family):
        url = f"http://{url_host(family)}:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def check(self, page, *told):
        for _ in range(2):
            for family in families():
                assert self.get(page, family)[0] == 200
                assert self.get(page, family)[1]["Retry-After"] is None
            self.mark.write_text("hard memory low\n")
            for family in families():
                wait_until(lambda: self.get(page, family)[0] == 503, what="the busy page")
                status, headers, body = self.get(page, family)
                assert status == 503 and b"This small server is busy" in body
                assert headers["Retry-After"] == "10" and headers["Cache-Control"] == "no-store"
                assert headers["Content-Type"].startswith("text/html")
                for path in told:
                    status, headers, body = self.get(path, family)
                    assert status == 200 and headers["Retry-After"] is None, path
                    assert b"busy. Please" not in body
            self.mark.unlink()
            wait_until(lambda: self.get(page, families()[0])[0] == 200, what="the page")


def example(name, run_dir):
    return (EXAMPLES / name).read_text().replace("/run/hostingpi/", f"{run_dir}/")


def test_nginx(scratch, run_dir):
    snippet = scratch.file("busy.conf", example("nginx.conf", run_dir))
    pages = "location / { return 200 page; } location = /health { return 200 ok; }"
    pages += " location = /broken { return 503 own; }"
    server = Nginx(scratch, extra=f"include {snippet}; {pages}")
    busy = Busy(server, server.status_port, run_dir / "hard")
    busy.check("/", "/health", "/nginx_status")
    # What an application says itself stays as it is.
    status, headers, body = busy.get("/broken", families()[0])
    assert (status, body, headers["Retry-After"]) == (503, b"own", None)


def test_apache(scratch, run_dir):
    server = Apache(scratch)
    folder = scratch.path / "apache.d"
    for name in ("health", "metrics"):
        (folder / name).write_text("ok\n")
    with open(server.config, "a", encoding="utf-8") as config:
        for name in ("rewrite", "headers"):
            config.write(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n")
        config.write(example("apache.conf", run_dir))
        # A virtual host with rules of its own, as sites have them.
        config.write(f"<VirtualHost *:{server.port}>\nDocumentRoot {folder}\nRewriteEngine On\n"
                     "RewriteRule ^/pretty$ /index.html\n</VirtualHost>\n")
    busy = Busy(server, server.port, run_dir / "hard")
    busy.check("/pretty", "/health", "/metrics", "/server-status?auto")
    busy.check("/index.html")


def test_lighttpd(scratch, run_dir):
    if not pathlib.Path("/usr/lib/lighttpd/mod_magnet.so").exists():
        pytest.skip("needs lighttpd-modules-lua")
    script = scratch.file("busy.lua", example("lighttpd.lua", run_dir))
    config = example("lighttpd.conf", run_dir).replace("/etc/lighttpd/hostingpi-busy.lua", str(script))
    server = Lighttpd(scratch, extra=config)
    (scratch.path / "lighttpd.d" / "health").write_text("ok\n")
    busy = Busy(server, server.port, run_dir / "hard")
    busy.check("/index.html", "/health", "/server-status?auto")
