# SPDX-License-Identifier: MIT
"""Web workers of real servers: found, counted and sized, and what is said where /proc hides them.

Theory of operation: other web servers may run on this machine, so each server is started through a
link with a name of its own, which becomes the name of its processes. What the agent says is compared
with RssAnon of the same processes.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

import harness
import pytest
from harness import BUILD, wait_until
from process import Process, families, free_port, program, url_host
from web_servers import MODULES

# A master and workers with the memory that a file says, in MB; each burns some processor time.
PREFORK = """
import ctypes, os, signal, sys, time
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)

def worker(master):
    held = bytearray()
    while time.process_time() < 0.5:
        pass
    while os.getppid() == master:
        want = int(open("size").read() or 0) * 1000000
        if len(held) != want:
            held = bytearray(want)
            held[::1024] = b"x" * len(held[::1024])
        time.sleep(0.1)

def fork():
    if os.fork() == 0:
        worker(master)
        os._exit(0)

master = os.getpid()
for _ in range(int(sys.argv[2])):
    fork()
open("forked", "w").close()
while True:
    os.wait()
    fork()
"""


class Prefork(Process):
    def __init__(self, scratch, comm, workers):
        super().__init__(scratch, comm)
        self.words = [sys.executable, "-c", PREFORK, comm, workers]
        self.resize(20)

    def resize(self, megabytes):
        self.scratch.file("size.new", str(megabytes))
        os.replace(self.scratch.path / "size.new", self.scratch.path / "size")

    def argv(self):
        return self.words

    def ready(self):
        return (self.scratch.path / "forked").exists()


class Linked(Process):
    """A real server through a link: path is its program, lines its configuration."""

    def __init__(self, scratch, comm, path, lines, options):
        super().__init__(scratch, comm)
        (scratch.path / comm).symlink_to(path)
        self.config = scratch.file(f"{comm}.conf", "\n".join([*lines, ""]))
        self.options = options

    def argv(self):
        return [self.scratch.path / self.name, *self.options]

    def ready(self):
        return len(family(self)) > 1


def family(process):
    """PIDs of a server: its master and the master's children."""
    text = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
    ).stdout
    return [process.pid, *(int(word) for word in text.split())]


def rss_anon(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def expected_bytes(process):
    """All of the master, and of each worker all but half of what the master has."""
    master, *workers = (rss_anon(pid) for pid in family(process))
    return master + sum(worker - min(master, worker) // 2 for worker in workers)


def web(agent):
    argv = [BUILD / "hostingpictl", "--socket", agent.run_dir / "control.sock", "--json", "status"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    state = json.loads(done.stdout)["state"]
    return state.get("web", {}) | {"unknown": state["unknown"]}


def watching(scratch, names):
    settings = {
        "workers": {"names": names},
        "requests": {"source": "none"},
        "agent": {"interval": "250ms"},
    }
    return harness.Agent(scratch, settings).start()


def about(value, other, share=0.05):
    return value is not None and abs(value - other) <= share * other


def test_sizes_and_changes(scratch):
    comm = f"pre-{os.getpid()}"
    server = Prefork(scratch, comm, 6).start()
    agent = watching(scratch, f"{comm}, nothing-*")
    wait_until(lambda: web(agent).get("workers") == 6, what="six workers")
    wait_until(lambda: web(agent).get("worker_bytes", 0) > 15e6, what="their size")
    wait_until(lambda: about(web(agent).get("memory_bytes"), expected_bytes(server)))
    assert web(agent)["worker_bytes"] < 40e6
    assert web(agent)["servers"].startswith(f"{comm} 6 x ")

    server.resize(60)
    wait_until(
        lambda: expected_bytes(server) > 350e6
        and about(web(agent).get("memory_bytes"), expected_bytes(server)),
        what="the growth",
    )
    wait_until(lambda: web(agent)["worker_bytes"] > 30e6, what="the size to follow")

    # The master makes a new one for each that ends.
    before = set(family(server))
    os.kill(family(server)[-1], signal.SIGKILL)
    wait_until(lambda: set(family(server)) != before and len(family(server)) == 7)
    wait_until(
        lambda: web(agent).get("workers") == 6
        and about(web(agent).get("memory_bytes"), expected_bytes(server)),
        what="the new one",
    )

    server.kill()
    wait_until(
        lambda: "no web server runs" in web(agent)["unknown"].get("web.workers", ""),
        what="the server to be missed",
    )


def test_apache_prefork(scratch):
    module = MODULES / "mod_mpm_prefork.so"
    if not module.exists():
        pytest.skip(f"{module} is not there")
    comm = f"ap-{os.getpid()}"
    folder = scratch.path
    lines = [
        f"LoadModule mpm_prefork_module {module}",
        f"LoadModule authz_core_module {MODULES}/mod_authz_core.so",
        f"Listen {url_host(families()[0])}:{free_port()}",
        f"ServerRoot {folder}",
        f"DefaultRuntimeDir {folder}",
        f"PidFile {folder}/pid",
        f"ErrorLog {folder}/error",
        "ServerName localhost",
        "StartServers 4",
        "MinSpareServers 4",
        "MaxSpareServers 8",
    ]
    if os.getuid() == 0:
        lines += ["User nobody", "Group nogroup"]
    options = ["-f", folder / f"{comm}.conf", "-D", "FOREGROUND"]
    apache = Linked(scratch, comm, program("apache2"), lines, options).start()
    agent = watching(scratch, f"{comm[:-1]}*")
    wait_until(lambda: web(agent).get("workers") == len(family(apache)) - 1 >= 4)
    wait_until(lambda: about(web(agent).get("memory_bytes"), expected_bytes(apache)))
    # All of its processes are new ones then.
    apache.restart()
    wait_until(lambda: web(agent).get("workers") == len(family(apache)) - 1 >= 4)
    wait_until(lambda: about(web(agent).get("memory_bytes"), expected_bytes(apache)))


def test_nginx_with_a_master(scratch):
    comm = f"ngx-{os.getpid()}"
    folder = scratch.path
    temps = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{temp}_temp_path {folder}/{temp};" for temp in temps)
    lines = [
        "daemon off; worker_processes 3; events {}",
        f"pid {folder}/pid; error_log {folder}/error;",
        f"http {{ access_log off; {paths} server {{ listen {url_host(families()[0])}:{free_port()}; }} }}",
    ]
    options = ["-p", folder, "-c", folder / f"{comm}.conf", "-e", folder / "error"]
    nginx = Linked(scratch, comm, program("nginx"), lines, options).start()
    agent = watching(scratch, comm)
    wait_until(lambda: web(agent).get("workers") == 3)
    wait_until(lambda: about(web(agent).get("memory_bytes"), expected_bytes(nginx)))


def test_php_fpm(scratch):
    path = next(
        (p for f in ("/usr/sbin", "/usr/local/sbin") for p in pathlib.Path(f).glob("php-fpm*")), None
    )
    if path is None:
        pytest.skip("php-fpm is not installed")
    comm = f"fpm-{os.getpid()}"
    user = ["user = nobody", "group = nogroup"] if os.getuid() == 0 else []
    pool = ["[www]", *user, f"listen = {scratch.path}/fpm.sock"]
    pool += ["pm = static", "pm.max_children = 3"]
    lines = ["[global]", "daemonize = no", f"error_log = {scratch.path}/error", *pool]
    options = ["-n", "-F", "-R", "-y", scratch.path / f"{comm}.conf"]
    fpm = Linked(scratch, comm, path, lines, options).start()
    agent = watching(scratch, comm)
    wait_until(lambda: web(agent).get("workers") == 3)
    wait_until(lambda: about(web(agent).get("memory_bytes"), expected_bytes(fpm)))


def test_a_proc_that_hides(scratch):
    if os.getuid() != 0:
        pytest.skip("needs root to mount another /proc")
    comm = f"hid-{os.getpid()}"
    Prefork(scratch, comm, 2).start()
    scratch.path.chmod(0o755)
    config = scratch.file("hidden.conf", f"[workers]\nnames = {comm}\n")
    agent = f"{BUILD}/hostingpid -c {config} --once --json"
    for options, hidden in (("hidepid=0", False), ("hidepid=1", True), ("hidepid=2", True)):
        script = (
            f"mount -t proc -o {options} proc /proc && "
            f"exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all {agent}"
        )
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=60
        )
        if "mount:" in done.stderr or "unshare:" in done.stderr:
            pytest.skip(f"no mounts here: {done.stderr}")
        assert done.returncode == 0, done.stderr
        state = json.loads(done.stdout)
        if hidden:
            assert "hidepid" in state["unknown"]["web.memory_bytes"]
        else:
            assert state["web"]["workers"] == 2


def test_names_are_checked(scratch):
    config = scratch.file("names.conf", "[workers]\nnames = apache2, a*b\n")
    done = subprocess.run(
        [BUILD / "hostingpid", "-c", config, "-t"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "'a*b' is no name" in done.stderr


def test_doctor_says_what_it_found(scratch):
    comm = f"doc-{os.getpid()}"
    Prefork(scratch, comm, 2).start()
    config = scratch.file("doctor.conf", f"[workers]\nnames = {comm}\n")
    done = subprocess.run(
        [BUILD / "hostingpid", "-c", config, "--doctor"], capture_output=True, text=True, timeout=60
    )
    assert f"web.servers: {comm} 2 x " in done.stdout
