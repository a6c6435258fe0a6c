# SPDX-License-Identifier: MIT
"""What hostingpictl limits prints is taken by Apache, PHP-FPM and nginx, and does what it says.

Theory of operation: a control socket of the test answers with documents of Pis of several sizes; one
test asks the real agent about real processes.
"""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import threading

import pytest

from harness import BUILD
from process import LOOPBACK, Process, can_connect, families, free_port, program, url_host, wait_until
from test_workers import Prefork
from web_servers import MODULES

MIB = 1 << 20
# headroom, held by the workers, reserve, one worker (MiB), workers that fit
SIZES = [(500, 100, 200, 20, 20), (180, 0, 150, 30, 1), (250, 0, 150, 50, 2), (3000, 87, 200, 20, 140)]


def document(headroom, held, reserve, worker, state="normal"):
    return {
        "state": {
            "mem": {"headroom_bytes": headroom * MIB, "reserve_bytes": reserve * MIB},
            "web": {
                "memory_bytes": held * MIB, "worker_bytes": worker * MIB,
                "servers": f"php-fpm8.2 9 x {worker} MB",
            },
            "unknown": {},
        },
        "decision": {"state": state, "need": 500},
    }


@pytest.fixture
def control(scratch):
    """control(document): a socket that answers with it."""
    listeners = []

    def serve(listener, text):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(text)

    def make(content):
        path = scratch.path / f"control{len(listeners)}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        listeners.append(listener)
        text = json.dumps(content).encode() + b"\n"
        threading.Thread(target=serve, args=(listener, text), daemon=True).start()
        return path

    yield make
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)  # ends accept(), which close() alone does not
        listener.close()


def limits(path, *words):
    return subprocess.run(
        [BUILD / "hostingpictl", "--socket", path, "limits", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )


def test_numbers_of_several_pis(control):
    for *size, workers in SIZES:
        path = control(document(*size))
        done = limits(path, "--json", "apache")
        assert done.returncode == 0, done.stderr
        values = json.loads(done.stdout)
        assert values["workers"] == workers <= values["exact"]
        assert values["exact"] == (size[0] + size[1] - size[2]) // size[3]
        for name, key in (("apache", "MaxRequestWorkers "), ("php-fpm", "pm.max_children = "),
                          ("nginx", "limit_conn hostingpi ")):
            text = limits(path, name).stdout
            assert re.search(rf"^ *{re.escape(key)}{workers};?$", text, re.MULTILINE), text
            assert f"for one worker, is {values['exact']}" in text  # why stands beside it
        assert limits(path).stdout == limits(path, "php-fpm").stdout  # where the memory is


def test_refused_under_pressure_and_with_wrong_words(control):
    done = limits(control(document(500, 100, 200, 20, state="shed")))
    assert (done.returncode, done.stdout) == (1, "") and "try again" in done.stderr
    for words in (["iis"], ["--bogus"], ["apache", "nginx"]):
        assert limits("/nonexistent", *words).returncode == 2
    assert limits("/nonexistent").returncode == 3


def test_nothing_measured_is_refused(scratch, start_agent):
    agent = start_agent({"workers": {"names": "no-such-server"}, "requests": {"source": "none"}})
    done = limits(agent.run_dir / "control.sock")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing was measured, web.worker_bytes is not known" in done.stderr


def test_measured_by_the_agent(scratch, start_agent):
    """Three processes of 30 MB: the size is theirs, the sum is the machine's."""
    server = Prefork(scratch, "labweb", 3)
    server.resize(30)
    server.start()
    agent = start_agent({"workers": {"names": "labweb"}, "requests": {"source": "none"},
                         "control": {"reserve": "10M"}})
    path = agent.run_dir / "control.sock"

    def measured():
        """Once they have grown, and that was seen."""
        done = limits(path, "--json", "apache")
        values = json.loads(done.stdout) if done.returncode == 0 else {"worker_bytes": 0}
        return values["worker_bytes"] > 28e6 and values

    values = wait_until(measured, timeout=90, what="the sizes of the workers")
    assert values["worker_bytes"] < 60e6
    room = values["headroom_bytes"] + values["held_bytes"] - values["reserve_bytes"]
    assert values["exact"] == room // values["worker_bytes"]
    done = limits(path)
    assert done.returncode == 1 and "say which" in done.stderr
    assert "This is not nginx" in limits(path, "nginx").stdout


@pytest.mark.parametrize("size", SIZES)
def test_apache_takes_it(scratch, control, size):
    if not program("apache2") or not (MODULES / "mod_mpm_prefork.so").exists():
        pytest.skip("apache2 with mpm_prefork is not installed")
    snippet = scratch.file("limits.conf", limits(control(document(*size[:4])), "apache").stdout)
    config = scratch.file("apache.conf", "\n".join([
        f"LoadModule mpm_prefork_module {MODULES}/mod_mpm_prefork.so",
        f"LoadModule authz_core_module {MODULES}/mod_authz_core.so",
        f"ServerRoot {scratch.path}", f"DefaultRuntimeDir {scratch.path}",
        f"PidFile {scratch.path}/pid", "ServerName localhost", f"ErrorLog {scratch.path}/error.log",
        f"Listen [::1]:{free_port()}", f"Include {snippet}", "",
    ]))
    done = subprocess.run([program("apache2"), "-t", "-f", config], capture_output=True, text=True,
                          timeout=60, check=False)
    # It also says when it had to correct a number.
    assert (done.returncode, done.stderr.strip()) == (0, "Syntax OK")


def php_fpm():
    found = sorted(pathlib.Path("/usr/sbin").glob("php-fpm*"))
    return found[-1] if found else None


def test_php_fpm_takes_it(scratch, control):
    if not php_fpm():
        pytest.skip("php-fpm is not installed")
    user = "user = nobody\ngroup = nogroup\n" if os.getuid() == 0 else ""
    for number, size in enumerate(SIZES):
        folder = scratch.path / f"pool{number}.d"
        folder.mkdir()
        # Debian's own pool comes first.
        (folder / "www.conf").write_text(
            f"[www]\n{user}listen = {scratch.path}/fpm.sock\npm = dynamic\npm.max_children = 5\n"
            "pm.start_servers = 2\npm.min_spare_servers = 1\npm.max_spare_servers = 3\n",
            encoding="ascii",
        )
        text = limits(control(document(*size[:4])), "php-fpm").stdout
        (folder / "zz-hostingpi-limits.conf").write_text(text, encoding="ascii")
        config = scratch.file(
            f"fpm{number}.conf", f"[global]\nerror_log = {scratch.path}/e\ninclude={folder}/*.conf\n"
        )
        done = subprocess.run([php_fpm(), "-tt", "-y", config], capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert f"pm.max_children = {size[4]}\n" in done.stderr
        assert "pm = ondemand" in done.stderr and done.stderr.count("[www]") == 1


class SlowNginx(Process):
    """A balancer's view of a Pi: pages come slowly, and the snippet says how many at once."""

    def __init__(self, scratch, snippet):
        super().__init__(scratch, "nginx-limits")
        self.port = free_port()
        folder = scratch.path / "nginx-limits.d"
        folder.mkdir()
        (folder / "page").write_bytes(b"x" * 200_000)
        temps = "".join(f"{name}_temp_path {folder}/{name};" for name in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        listen = " ".join(f"listen {url_host(one)}:{self.port};" for one in families())
        self.config = scratch.file(
            "nginx-limits.conf",
            f"daemon off; master_process off; pid {folder}/pid; error_log {self.log};\n"
            f"events {{ worker_connections 256; }}\nhttp {{ {temps} access_log off;\n"
            f"include {snippet};\n"
            f"server {{ {listen} root {folder}; limit_rate 10k; }} }}\n",
        )

    def argv(self):
        return ["nginx", "-e", self.log, "-c", self.config]

    def ready(self):
        return can_connect(self.port)


def test_nginx_takes_it_and_refuses_more(scratch, control):
    snippet = scratch.file("limits.conf", limits(control(document(250, 0, 150, 50)), "nginx").stdout)
    server = SlowNginx(scratch, snippet).start()

    def ask(family):
        connection = socket.create_connection((LOOPBACK[family], server.port), timeout=20)
        connection.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        return connection, connection.recv(12)

    held = [ask(families()[number % len(families())]) for number in range(2)]
    refused = [ask(family) for family in families()]
    assert [first for _, first in held] == [b"HTTP/1.1 200"] * 2
    assert all(first == b"HTTP/1.1 503" for _, first in refused)
    for connection, _ in held + refused:
        connection.close()
