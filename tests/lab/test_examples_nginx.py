# SPDX-License-Identifier: MIT
"""nginx as the balancer: hostingpi-upstream writes what the agents say, and the traffic follows."""

import concurrent.futures
import os
import subprocess

import pytest

from example_lab import EXAMPLES, Lab
from harness import BUILD
from process import Process, program, wait_until

pytestmark = pytest.mark.skipif(not program("nginx"), reason="nginx is not installed")
SCRIPT = EXAMPLES / "nginx/hostingpi-upstream"
ENTRIES = ("[2001:db8::80]", "192.0.2.80")


class Nginx(Process):
    """examples/nginx/balancer.conf in a real one, with workers as usual."""

    def __init__(self, lab):
        super().__init__(lab.scratch, "nginx-balancer")
        self.net = lab.net
        self.include = lab.scratch.path / "servers"
        self.include.touch()
        site = lab.example("nginx/balancer.conf", words={"/etc/nginx/hostingpi-servers": self.include})
        folder = lab.scratch.path / "nginx.d"
        folder.mkdir()
        user = "user root;\n" if os.geteuid() == 0 else ""
        temps = "".join(f"{name}_temp_path {folder}/{name};" for name in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.config = lab.scratch.file(
            "nginx.conf",
            f"{user}daemon off; worker_processes 2; pid {folder}/pid; error_log {self.log};\n"
            f"events {{ worker_connections 256; }}\nhttp {{ {temps} access_log off;\n"
            f"include {site};\n}}\n",
        )
        self.command = [program("nginx"), "-e", self.log, "-c", self.config]
        self.env = [
            "PIS=[2001:db8::1] 192.0.2.2:80=[2001:db8::2]:9778", f"INCLUDE={self.include}",
            f"NGINX={' '.join(map(str, self.command))}", f"CHECK={BUILD / 'hostingpictl'}",
            "HOSTINGPI_UPSTREAM_SETTINGS=/nonexistent", f"PATH={os.environ['PATH']}:/usr/sbin",
        ]
        self.lab = lab

    def argv(self):
        return [*self.net.wrapper, *self.command]

    def ready(self):
        return self.net.answers("2001:db8::80", 80)

    def once(self, *more):
        """Exit code and standard error of one look, and what it wrote."""
        done = self.lab.run("env", *self.env, *more, SCRIPT, "--once")
        lines = self.include.read_text(encoding="ascii").splitlines()
        return done.returncode, done.stderr, [line for line in lines if not line.startswith("#")]


@pytest.fixture
def lab(scratch):
    return Lab(scratch)


@pytest.fixture
def nginx(lab):
    server = Nginx(lab)
    assert server.once()[0] in (0, 1)  # before nginx runs, there is nothing to reload
    return server.start()


def test_the_script_is_plain_shell():
    for shell in ("dash", "bash", "busybox"):
        if program(shell):
            words = [program(shell), *(["sh"] if shell == "busybox" else []), "-n", SCRIPT]
            subprocess.run(words, check=True, timeout=20)


class StandIn:
    """The script with an answer and an nginx of our own."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.include = scratch.path / "servers"
        self.include.write_text("server old;\n", encoding="ascii")

    def script(self, name, text):
        path = self.scratch.file(name, f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, *argv, pis="[::1]", nginx="true"):
        env = {"PIS": pis, "INCLUDE": str(self.include), "CHECK": str(self.scratch.path / "ask"), "NGINX": nginx,
               "INTERVAL": "0.1", "HOSTINGPI_UPSTREAM_SETTINGS": "/nonexistent",
               "PATH": f"{self.scratch.path}:{os.environ['PATH']}"}
        return subprocess.run(argv, env=env, capture_output=True, timeout=20, check=False).returncode

    def once(self, **more):
        return self.run(SCRIPT, "--once", **more)


ANSWER = """printf '"host": "a",\\n"answered": true,\\n"told_weight": 50,\\n'"""


def test_an_answer_for_one_of_two_takes_nobody_away(scratch):
    """hostingpictl was killed while it wrote."""
    stand = StandIn(scratch)
    stand.script("ask", ANSWER)
    assert stand.once() == 0
    before = stand.include.read_text(encoding="ascii")
    assert before.splitlines()[1:] == ["server [::1] weight=50;"]
    assert stand.once(pis="[::1] [::2]") == 1
    assert stand.include.read_text(encoding="ascii") == before


def test_no_room_for_the_old_servers_keeps_them(scratch):
    """As the service runs it, where no command that fails ends the script."""
    stand = StandIn(scratch)
    stand.script("ask", ANSWER)
    stand.script("cp", 'for to; do :; done; : >"$to"; exit 1')
    stand.run("timeout", "1", SCRIPT, nginx="false")
    assert stand.include.read_text(encoding="ascii") == "server old;\n"


def test_two_at_once_take_turns(scratch):
    stand = StandIn(scratch)
    turns = scratch.path / "turns"
    stand.script("ask", f"echo in >>{turns}; sleep 0.3; echo out >>{turns}; {ANSWER}")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: stand.once(), range(3))) == [0, 0, 0]
    assert turns.read_text(encoding="ascii").split() == ["in", "out"] * 3


def test_shares_follow(lab, nginx):
    one, two = lab.pis
    full = ["server [2001:db8::1] weight=100 max_conns=20;", "server 192.0.2.2:80 weight=100 max_conns=20;"]
    assert nginx.once() == (0, "", full)
    for entry in ENTRIES:
        assert sorted(lab.fetch(entry, 40)) == ["pi1"] * 20 + ["pi2"] * 20
    told = one.press()
    code, _, lines = nginx.once()
    assert code == 0 and lines[0] == f"server [2001:db8::1] weight=60 max_conns={told['maxconn']};"
    # Old workers answer until the new ones are there.
    wait_until(lambda: sorted(lab.fetch(ENTRIES[0], 32)).count("pi1") == 12, what="12 of 32 for pi1")
    two.drain()
    assert nginx.once()[2][1] == "server 192.0.2.2:80 down;"
    wait_until(lambda: set(lab.fetch(ENTRIES[1], 8)) == {"pi1"}, what="all to pi1")
    two.undrain()
    one.exhaust()  # pis-only: next to nothing, but not out
    assert nginx.once()[2][0] == "server [2001:db8::1] weight=1 max_conns=1;"
    one.relax()
    wait_until(lambda: nginx.once()[2][0] == "server [2001:db8::1] weight=100 max_conns=20;", timeout=90,
               what="pi1 back")


def test_the_cap_holds(lab, nginx):
    """Three slow requests at once, with room for one at each Pi: the third is refused, not served."""
    for pi in lab.pis:
        pi.exhaust()
    lines = nginx.once()[2]
    assert all(line.endswith("weight=1 max_conns=1;") for line in lines)
    code = (
        "import concurrent.futures as f, urllib.request as u, urllib.error as e\n"
        "def get(_):\n"
        "  try: return u.urlopen('http://[2001:db8::80]/slow', timeout=20).read().decode().split()[0]\n"
        "  except e.HTTPError as error: return str(error.code)\n"
        "print(' '.join(sorted(f.ThreadPoolExecutor(3).map(get, range(3)))))"
    )
    wait_until(lambda: lab.run("python3", "-c", code).stdout.split() == ["502", "pi1", "pi2"],
               what="two served, one refused")


def test_only_changes_are_reloaded(lab, nginx):
    assert nginx.once()[0] == 0
    before = (nginx.include.stat().st_ino, nginx.include.stat().st_mtime_ns)
    assert nginx.once()[0] == 0
    assert (nginx.include.stat().st_ino, nginx.include.stat().st_mtime_ns) == before
    lab.pis[0].press()
    assert nginx.once()[0] == 0
    assert nginx.include.stat().st_ino != before[0]


def test_agents_away(lab, nginx):
    """One without agent is down; without any, nothing is changed: that is rather our network."""
    assert nginx.once()[0] == 0
    lab.pis[0].agent.kill()
    assert nginx.once()[2][0] == "server [2001:db8::1] down;"
    lab.pis[1].agent.kill()
    code, error, lines = nginx.once()
    assert code == 1 and "no agent answers, or not all was written: nothing is changed" in error
    assert lines == ["server [2001:db8::1] down;", "server 192.0.2.2:80 weight=100 max_conns=20;"]
    code, error, again = nginx.once("CHECK=/nonexistent")
    assert code == 1 and again == lines


def test_nginx_that_refuses_keeps_the_old(lab, nginx):
    assert nginx.once()[0] == 0
    before = nginx.include.read_bytes()
    code, error, _ = nginx.once("PIS=no-such-name.invalid=[2001:db8::1] [2001:db8::2]")
    assert code == 1 and "nginx refuses, the old servers stay: " in error and "no-such-name" in error
    assert nginx.include.read_bytes() == before
    assert nginx.once("PIS=")[0] == 2
    assert set(lab.fetch(ENTRIES[0], 8)) == {"pi1", "pi2"}


def test_the_loop(lab, nginx):
    """As the service runs it."""
    lab.program("upstream", SCRIPT, env=[*nginx.env, "INTERVAL=0.2"])
    lab.pis[0].press()
    wait_until(lambda: "server [2001:db8::1] weight=60 " in nginx.include.read_text(encoding="ascii"),
               what="less for pi1")
    wait_until(lambda: sorted(lab.fetch(ENTRIES[0], 32)).count("pi1") == 12, what="12 of 32 for pi1")
