# SPDX-License-Identifier: MIT
"""hostingpictl check against servers that answer well, badly, slowly or not at all.

Theory of operation: Answerer accepts on both families and plays one script per connection, in a
thread. Here it is the client that must come back in time, with a message that helps and
little memory; the agent's own answers are tested with the examples.
"""

import contextlib
import json
import os
import resource
import socket
import subprocess
import threading
import time

import pytest

from harness import BUILD
from process import LOOPBACK, families, free_port, program, url_host

TIMEOUT_S = 1
# The client's own limit, a moment for a child to report, and a busy machine.
PATIENCE_S = TIMEOUT_S + 15
BODY = "up 60% maxconn:8 # shed memory shrinks 12 MB/s\n"


def head(status="200 OK", state="shed", weight=60, maxconn=8, more=""):
    return (
        f"HTTP/1.1 {status}\r\nX-Hostingpi-State: {state}\r\nX-Hostingpi-Weight: {weight}\r\n"
        f"X-Hostingpi-Maxconn: {maxconn}\r\nX-Hostingpi-Reason: memory shrinks 12 MB/s\r\n{more}"
    )


def answer(body=BODY, **values):
    return (head(more=f"Content-Length: {len(body)}\r\n\r\n", **values) + body).encode()


class Answerer:
    """Each connection is handed to script(connection) after its request was read."""

    def __init__(self, script, port=None, only=None, path=None):
        self.script, self.requests, self.open = script, [], True
        self.port = port or free_port()
        if path:
            where = [(socket.AF_UNIX, path)]
        else:
            where = [(one, (LOOPBACK[one], self.port)) for one in families() if only in (None, one)]
        self.listeners = []
        for family, address in where:
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(64)
            self.listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.settimeout(30)
            request = b""
            while b"\r\n\r\n" not in request and (some := connection.recv(4096)):
                request += some
            self.requests.append(request.decode())
            self.script(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


def says(data):
    return lambda connection: connection.sendall(data)


def check(*words, **options):
    """(exit code, standard output, standard error, seconds)."""
    start = time.monotonic()
    done = subprocess.run(
        [BUILD / "hostingpictl", "check", *map(str, words)],
        capture_output=True, text=True, timeout=60, check=False, **options,
    )
    return done.returncode, done.stdout, done.stderr, time.monotonic() - start


def test_one_line_on_both_families_and_a_socket(tmp_path):
    with Answerer(says(answer())) as server, Answerer(says(answer()), path=f"{tmp_path}/h") as local:
        places = [f"{url_host(one)}:{server.port}" for one in families()]
        places += [f"[::ffff:127.0.0.1]:{server.port}", f"localhost:{server.port}"]
        for place in [*places, f"unix:{tmp_path}/h"]:
            code, out, error, _ = check(place)
            assert (code, error) == (0, "")
            assert out.startswith(f"{place}: shed, weight 60 %, cap 8: memory shrinks 12 MB/s (")
            assert out.count("\n") == 1
        assert server.requests[0].startswith("GET /health HTTP/1.1\r\n")
        assert f"Host: {url_host(families()[0])}\r\n" in server.requests[0]
        assert "Host: localhost\r\n" in local.requests[0]


def test_soft_asks_for_404(tmp_path):
    def script(connection):
        soft = "soft=404" in server.requests[-1]
        connection.sendall(answer(status="404 Not Found" if soft else "200 OK"))

    with Answerer(script) as server:
        place = f"{url_host(families()[0])}:{server.port}"
        assert check(place)[0] == 0
        assert check("--soft", place)[0] == 1
        assert server.requests[-1].startswith("GET /health?soft=404 HTTP/1.1\r\n")


def test_json_table_and_worst_code():
    full = answer(state="normal", weight=100, body="up 100% # normal\n")
    with Answerer(says(full)) as good, Answerer(says(answer(status="503 no"))) as bad:
        first, second = (f"{url_host(families()[0])}:{one.port}" for one in (good, bad))
        gone = f"{url_host(families()[0])}:{free_port()}"
        code, out, _, _ = check(first, second, gone)
        assert code == 3
        lines = out.splitlines()
        assert lines[0].split() == ["HOST", "STATE", "WEIGHT", "CAP", "TIME", "REASON"]
        assert [line.split()[0] for line in lines[1:]] == [first, second, gone]
        assert "normal" in lines[1] and "100 %" in lines[1] and "no answer" in lines[3]
        assert check(first, second)[0] == 1 and check(first, first)[0] == 0
        code, out, _, _ = check("--json", first, second, gone)
        document = json.loads(out)
        assert code == document["exit"] == 3
        assert [host["exit"] for host in document["hosts"]] == [0, 1, 3]
        assert document["hosts"][1]["weight"] == 60 and document["hosts"][1]["status"] == 503
        assert document["hosts"][0]["address"] == first
        assert "refused" in document["hosts"][2]["error"]
        assert "weight" not in document["hosts"][2]


def test_keepalived_and_nagios():
    with Answerer(says(answer())) as server:
        place = f"{url_host(families()[0])}:{server.port}"
        assert check("--keepalived", place)[0] == 62
        code, out, _, _ = check("--nagios", place)
        assert code == 1
        text, performance = out.rstrip("\n").split(" | ")
        assert text == "HOSTINGPI WARNING - shed, weight 60 %, cap 8: memory shrinks 12 MB/s"
        values = dict(word.split("=") for word in performance.split())
        assert values["weight"] == "60%;;;0;100" and values["maxconn"] == "8;;;0"
        assert float(values["time"].split("s;")[0]) < 60
    gone = f"{url_host(families()[0])}:{free_port()}"
    assert check("--keepalived", gone)[0] == 1
    code, out, _, _ = check("--nagios", gone)
    assert code == 2 and out.startswith(f"HOSTINGPI CRITICAL - {gone}: ")
    assert out.count(gone) == 1 and out.count("\n") == 1


@pytest.mark.parametrize(
    "words, code",
    [
        ([], 2), (["--keepalived"], 1), (["--nagios"], 3), (["::1", "--nagios", "::1"], 3),
        (["--keepalived", "--bogus", "::1"], 1), (["--keepalived", "--timeout", "x", "::1"], 1),
        (["--timeout", "0", "::1"], 2), (["--timeout"], 2), (["--soft", "--keepalived", "::1"], 1),
        (["--keepalived", "::1]:9"], 1), (["::1]:9"], 2), (["::1"] * 65, 2),
        (["--keepalivd", "::1"], 1),
    ],
)
def test_wrong_usage_is_never_a_weight(words, code):
    done = check(*words)
    assert done[0] == code
    assert done[2].startswith("hostingpictl: ") and done[2].count("\n") == 1


@pytest.mark.parametrize("line", ["--keepalived check ::1", "chek --keepalived ::1", "--sock check --keepalived ::1"])
def test_wrong_usage_before_the_command_is_never_a_weight(line):
    done = subprocess.run([BUILD / "hostingpictl", *line.split()], capture_output=True, timeout=20, check=False)
    assert done.returncode == 1 and done.stderr.startswith(b"hostingpictl: ")


def drip(connection):
    for byte in answer() * 20:
        connection.sendall(bytes([byte]))
        time.sleep(0.2)


def flood(connection):
    connection.sendall(head().encode())
    while True:
        connection.sendall(b"X-More: " + b"x" * 4000 + b"\r\n")


def huge_body(connection):
    connection.sendall((head() + "Content-Length: 99999999999\r\n\r\n").encode())
    while True:
        connection.sendall(b"x" * 65536)


def foreign_huge_body(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def reset(connection):
    linger = (1).to_bytes(4, "little") + bytes(4)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


HOSTILE = {
    "silent": (lambda connection: connection.recv(1), 3, "connected, but no answer in time"),
    "drip": (drip, 3, "did not end in time"),
    "endless headers": (flood, 3, "more than 8 KiB"),
    "huge body": (huge_body, 0, "shed"),
    "huge foreign body": (foreign_huge_body, 3, "an HTTP server that is not hostingpid"),
    "garbage": (says(os.urandom(64) + b"\n" * 9), 3, "no HTTP"),
    "controls": (says(b"\x1b[2J\x1b]0;x\x07\r\n\r\n"), 3, "its first bytes are '?[2J?]0;x?"),
    "another protocol": (says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), 3, "'SSH-2.0-OpenSSH_9.2p1"),
    "agent-check": (says(BODY.encode()), 3, "this is the port of agent-check"),
    "redirect": (
        says(b"HTTP/1.1 301 Moved\r\nLocation: https://x/\x1b[1m\r\n\r\n"), 3, "no HTTP",
    ),
    "good redirect": (
        says(b"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n"), 3, "redirected (301) to https",
    ),
    "reset": (reset, 3, "connection broken (Connection reset by peer)"),
    "hang-up": (lambda connection: None, 3, "closed without a word: is this machine in [http]"),
    "half an answer": (says(answer()[:60]), 3, "closed in the middle"),
    "other version": (says(answer(state="calm")), 3, "use the same version"),
}


def little_memory():
    """All that may be written to: libraries' own data, heap and stack need 3 MB of it."""
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 20, 8 << 20))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_servers(name):
    script, wanted, words = HOSTILE[name]
    with Answerer(script) as server:
        place = f"{url_host(families()[0])}:{server.port}"
        code, out, error, seconds = check("--timeout", TIMEOUT_S, place, preexec_fn=little_memory)
    assert code == wanted and words in out and error == ""
    assert out.count("\n") == 1 and out.replace("\n", "").isprintable()
    assert seconds < PATIENCE_S


def test_one_family_is_enough(tmp_path):
    """A name with both families, of which one refuses: the other one answers."""
    if len(families()) < 2 or not program("unshare"):
        pytest.skip("needs both families and unshare")
    hosts = tmp_path / "hosts"
    hosts.write_text("::1 pi.test\n127.0.0.1 pi.test\n", encoding="ascii")
    for only in families():
        with Answerer(says(answer()), only=only) as server:
            done = subprocess.run(
                [program("unshare"), "--mount", "--map-root-user", "sh", "-c",
                 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, BUILD / "hostingpictl", "check",
                 "--json", f"pi.test:{server.port}"],
                capture_output=True, text=True, timeout=60, check=False,
            )
            if "mount" in done.stderr or "unshare" in done.stderr:
                pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
            assert done.returncode == 0
            host = json.loads(done.stdout)["hosts"][0]
            assert host["address"] == f"{url_host(only)}:{server.port}"


def test_dead_name_servers_cost_the_timeout_only(tmp_path):
    """A name server that never answers: the C library alone would wait for 20 s and more."""
    if not program("unshare"):
        pytest.skip("needs unshare")
    resolv, switch = tmp_path / "resolv.conf", tmp_path / "nsswitch.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n", encoding="ascii")
    switch.write_text("hosts: dns\n", encoding="ascii")
    code = (
        "import socket,subprocess,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
        "s.bind(('127.0.0.1',53));sys.exit(subprocess.call(sys.argv[1:]))"
    )
    script = (
        'ip link set lo up && mount --bind "$0" /etc/resolv.conf && '
        'mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"'
    )
    start = time.monotonic()
    done = subprocess.run(
        [program("unshare"), "--mount", "--net", "--map-root-user", "sh", "-c", script, resolv, switch,
         "python3", "-c", code, BUILD / "hostingpictl", "check", "--timeout", "1", "pi.example"],
        capture_output=True, text=True, timeout=100, check=False,
    )
    if "mount" in done.stderr or "unshare" in done.stderr or "RTNETLINK" in done.stderr:
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
    assert done.returncode == 3
    assert "no answer from the name servers in time" in done.stdout
    assert time.monotonic() - start < PATIENCE_S


def test_many_hosts_at_once():
    """64 servers that never answer take as long as one."""
    with Answerer(lambda connection: connection.recv(1)) as server:
        place = f"{url_host(families()[0])}:{server.port}"
        code, out, _, seconds = check("--timeout", TIMEOUT_S, *[place] * 64)
    assert code == 3 and out.count("no answer") >= 64 and seconds < 2 * PATIENCE_S


def test_killed_check_leaves_nobody():
    with Answerer(lambda connection: connection.recv(1)) as server:
        place = f"{url_host(families()[0])}:{server.port}"
        words = [BUILD / "hostingpictl", "check", "--timeout", "60", place]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as popen:
            while not server.requests:
                time.sleep(0.01)
            popen.kill()
            # The child has standard output too: the end of it is its end.
            assert popen.communicate(timeout=20)[0] == b""


def test_a_real_agent(start_agent, scratch):
    """Its states, on both families and its Unix socket; and a caller that it does not know."""
    port, path = free_port(), scratch.path / "h"
    places = [f"{url_host(one)}:{port}" for one in families()] + [f"unix:{path}"]
    agent = start_agent({"http": {"listen": ", ".join(places)}})
    for place in places:
        assert check(place)[0] == 0 and check("--keepalived", place)[0] == 102
    agent.ask("drain", reason="new card")
    for place in places:
        code, out, _, _ = check(place)
        assert code == 1 and "hold" in out and "new card" in out and "(drained)" in out
        assert check("--keepalived", place)[0] == 2 and check("--nagios", place)[0] == 1
    agent.configure({"http": {"allow": "192.0.2.0/24"}})
    agent.restart()
    for place in places[:-1]:
        code, out, _, _ = check(place)
        assert code == 3 and "is this machine in [http] allow?" in out


def test_dry_run_of_the_agent_changes_no_weight(start_agent):
    port = free_port()
    place = f"{url_host(families()[0])}:{port}"
    agent = start_agent({"http": {"listen": place}}, options=("--dry-run",))
    agent.ask("drain")
    code, out, _, _ = check(place)
    assert code == 0 and "hold" in out and "dry run" in out
    assert check("--keepalived", place)[0] == 102
