# SPDX-License-Identifier: MIT
"""--doctor on three machines: this one as it is, one where all is right, and one where ten things are wrong.

Theory of operation: the second and third are boards of tests/roots, with an agent, a broker and a web server at
work; an agent that runs with the same configuration is what tells the doctor that files and ports are here.
DOCTOR_OUTPUT=folder keeps what was said.
"""

import json
import os
import pathlib
import pty
import shutil
import socket
import subprocess

import pytest

from harness import BUILD, REPO, LOOPBACK, Agent, families, free_port, wait_until

ROOTS = REPO / "tests" / "roots"


def doctor(config, *words, env=None):
    done = subprocess.run(
        [BUILD / "hostingpid", "-c", config, "--doctor", *map(str, words)],
        capture_output=True, text=True, timeout=60, check=False, env=env,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


def keep(name, text):
    if folder := os.environ.get("DOCTOR_OUTPUT"):
        pathlib.Path(folder, name).write_text(text)


def rows(config, *words, level=None):
    code, text = doctor(config, "--json", *words)
    found = json.loads(text)
    assert code == (1 if found["attention"] else 0)
    return [row for row in found["findings"] if level in (None, row["level"])]


def board(scratch, name):
    root = scratch.path / "board"
    shutil.copytree(ROOTS / name, root, symlinks=True)
    return root


def put(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    if (root / path).exists():
        (root / path).chmod(0o644)
    (root / path).write_text(text)


def login_file(scratch, text, mode):
    path = scratch.file(f"login{mode:o}", text)
    path.chmod(mode)
    return path


def test_a_newcomer(scratch):
    """Nothing is configured and nothing runs: the first lines say what to do first."""
    config = scratch.file("none.conf", f"[agent]\nrun_dir = {scratch.path}/run\n")
    code, text = doctor(config)
    keep("bare", text)
    assert code == 1
    first = text.split("\n\n")
    assert first[1] == "Needs attention" and first[2].startswith("  no agent is running here\n")
    assert "$ " in first[2]
    # No page of sensors that this machine does not have; who has a Pi may have them.
    if "model Raspberry Pi" not in text:
        wanted, _, rest = text.partition("\nFound\n")
        assert "soc." not in wanted and len(wanted.splitlines()) < 40
        assert "not here     soc." in rest
    assert not (scratch.path / "run").exists()


def test_all_is_right(scratch, start_mosquitto, start_nginx, run_dir):
    passwords = scratch.file("passwords", "")
    subprocess.run(["mosquitto_passwd", "-b", passwords, "pi", "s3cret"], check=True)
    broker = start_mosquitto(extra=["allow_anonymous false", f"password_file {passwords}"])
    web = start_nginx()
    root = board(scratch, "pi4")
    put(root, "proc/sys/vm/swappiness", "1\n")
    put(root, "proc/sys/vm/overcommit_memory", "0\n")
    put(root, "etc/systemd/journald.conf.d/volatile.conf", "[Journal]\nStorage=volatile\n")
    put(root, "etc/apache2/mods-enabled/mpm_prefork.conf", "<IfModule x>\n\tMaxRequestWorkers 8\n")
    (root / "var/log/journal").mkdir(parents=True)
    login = login_file(scratch, "username = pi\npassword = s3cret\n", 0o600)
    agent = Agent(scratch, {
        "agent": {"run_dir": run_dir},
        "haproxy": {"listen": f":{free_port()}"},
        "mqtt": {"host": LOOPBACK[families()[0]], "port": broker.port, "credential_file": login},
        "requests": {"url": web.status_url()},
        "workers": {"names": ""},
    }, options=("--root", root))
    agent.run_dir = run_dir
    agent.start()
    agent.agent_port = int(agent.settings["haproxy"]["listen"][1:])
    agent.agent_check(send=b"lb1/pis\n")
    code, text = doctor(agent.config, "--root", root)
    keep("right", text)
    assert code == 0 and "Needs attention" not in text, text
    assert text.endswith("Nothing needs attention.\n") and "s3cret" not in text
    assert "agent        " in text and " runs since " in text
    assert "balancers    lb1/pis at " in text or "balancers    lb1 at " in text
    assert "broker: " in text and "name and password are right" in text
    assert {row["what"] for row in rows(agent.config, "--root", root, level="advice")} <= {
        "swap is on the disk", "credential_file"  # in /tmp, which the service would not see
    }
    # The same without the right password: the broker says no, and nobody hears the password.
    login.write_text("username = pi\npassword = wr0ng\n")
    trouble = rows(agent.config, "--root", root, level="attention")
    assert [row["what"] for row in trouble] == ["the broker cannot be used"]
    assert "wr0ng" not in json.dumps(trouble)


def test_trouble_of_the_agent_that_runs(scratch, run_dir):
    """What it cannot write, and where it cannot listen, is its own knowledge."""
    (run_dir / "soft" / "in-the-way").mkdir(parents=True)
    family = families()[0]
    with socket.create_server((LOOPBACK[family], 0), family=family) as taken:
        port = taken.getsockname()[1]
        listen = f"[{LOOPBACK[family]}]:{port}" if ":" in LOOPBACK[family] else f"127.0.0.1:{port}"
        agent = Agent(scratch, {
            "agent": {"run_dir": run_dir},
            "http": {"listen": f"{listen}, unix:{run_dir}/http.sock"},
        })
        agent.run_dir = run_dir
        agent.start()
        subprocess.run(
            [BUILD / "hostingpictl", "--socket", run_dir / "control.sock", "drain"],
            check=True, timeout=60, capture_output=True,
        )
        wait_until(
            lambda: agent.status()["notifiers"]["files"]["last_error"], what="trouble with soft"
        )
        found = {row["module"]: row for row in rows(agent.config, level="attention")}
    assert "soft" in found["files"]["text"] and found["files"]["what"] == "the agent has trouble here"
    assert f":{port}: Address already in use" in found["http"]["text"]


TEN = {
    "soc.undervoltage": "supply is too weak",
    "soc.throttled": "slowed down",
    "vm.swappiness = 60": "sudo sysctl",
    "fs.errors": "fsck.mode=force",
    "the configuration was changed": "sudo systemctl reload hostingpid",
    "the broker cannot be used": "Connection refused",
    "credential_file of [mastodon]": "chmod 600",
    "the service cannot be reached": "Connection refused",
    "program": "install it",
    "MaxRequestWorkers = 150": "sudo systemctl restart apache2",
}
COULD_BE_BETTER = {
    "vm.overcommit_memory = 2": "sudo sysctl vm.overcommit_memory=0",
    "the journal is on the card": "Storage=volatile",
    "swap is on the disk": "zram",
    "mem.psi_some_ratio": "psi=1",
    "run_dir is on a disk": "below /run",
    "pm.max_children = 8": "sudo systemctl restart php8.2-fpm",
}


def test_ten_things_are_wrong(scratch):
    root = board(scratch, "pi3b")
    put(root, "proc/sys/vm/overcommit_memory", "2\n")
    put(root, "etc/apache2/mods-enabled/mpm_prefork.conf", "StartServers 5\nMaxRequestWorkers\t  150\n")
    put(root, "etc/php/8.2/fpm/pool.d/www.conf", ";pm.max_children = 99\npm.max_children = 8\n")
    (root / "var/log/journal").mkdir(parents=True)
    errors = next((root / "sys/fs/ext4").glob("*/errors_count"))
    put(root, errors.relative_to(root), "3\n")
    login = login_file(scratch, "access_token = t0ken\n", 0o644)
    host = LOOPBACK[families()[0]]
    url = f"https://{f'[{host}]' if ':' in host else host}:{free_port()}"
    agent = Agent(scratch, {"requests": {"source": "none"}}, options=("--root", root)).start()
    agent.configure({
        "mqtt": {"host": host, "port": free_port()},
        "post": {"service": "mastodon"},
        "mastodon": {"url": url, "credential_file": login},
        "hook": {"program": scratch.path / "nowhere"},
    })
    code, text = doctor(agent.config, "--root", root)
    keep("wrong", text)
    assert code == 1 and "t0ken" not in text
    for level, expected in (("attention", TEN), ("advice", COULD_BE_BETTER)):
        found = {row["what"]: row["text"] + " " + (row["remedy"] or "")
                 for row in rows(agent.config, "--root", root, level=level)}
        for what, remedy in expected.items():
            assert remedy in found.get(what, "not found"), (what, sorted(found))
        if level == "attention":
            assert set(found) == set(expected)
    assert "10 things need attention" in text
    first = text[text.index("Needs attention"):text.index("Could be better")]
    assert all(what in first for what in TEN) and "[hook] program\n" in first


def test_ports_of_others(scratch):
    port = free_port()
    config = scratch.file("x.conf", f"[agent]\nrun_dir = {scratch.path}/run\n[haproxy]\nlisten = :{port}\n")
    assert not [row for row in rows(config) if row["module"] == "haproxy"]
    with socket.create_server(("", port)):
        found = [row for row in rows(config) if row["module"] == "haproxy"]
        assert len(found) == 1 and found[0]["level"] == "attention"
        assert "another program has it" in found[0]["text"]
    # Its own port is not another program's.
    agent = Agent(scratch).start()
    assert not [row for row in rows(agent.config, level="attention") if row["module"] == "haproxy"]


def test_a_silent_name_server(scratch):
    """Nobody answers: it ends all the same, and says what it waited for."""
    if subprocess.run(["unshare", "-rmn", "true"], check=False).returncode != 0:
        pytest.skip("needs namespaces")
    resolver = scratch.file("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30\n")
    config = scratch.file("x.conf", f"[agent]\nrun_dir = {scratch.path}/run\n[mqtt]\nhost = b.example\n")
    silent = "import socket,subprocess,sys; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); " \
             "s.bind(('127.0.0.1',53)); sys.exit(subprocess.call(sys.argv[1:]))"
    words = f"ip link set lo up; mount --bind {resolver} /etc/resolv.conf; exec /usr/bin/python3 -c \"$0\" \"$@\""
    done = subprocess.run(
        ["unshare", "-rmn", "sh", "-c", words, silent, BUILD / "hostingpid", "-c", config, "--doctor", "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    found = {row["what"]: row for row in json.loads(done.stdout)["findings"]}
    late = found["no answer in time"]
    assert late["module"] == "mqtt" and "section [mqtt] was not through" in late["text"], done.stdout


def test_the_agent_does_not_answer(scratch):
    agent = Agent(scratch).start()
    agent.stop()
    assert "the agent does not answer" in {row["what"] for row in rows(agent.config, level="attention")}
    agent.cont()
    agent.kill()
    assert "no agent is running here" in {row["what"] for row in rows(agent.config, level="attention")}


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_who_may_not_ask(scratch):
    agent = Agent(scratch).start()
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*nobody, BUILD / "hostingpid", "-c", agent.config, "--doctor"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert "the agent may not be asked" in done.stdout and "usermod -aG hostingpi" in done.stdout
    assert "no agent is running" not in done.stdout


def read_terminal(argv, env):
    """What a program says on a terminal."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, env)
    text = b""
    try:
        while chunk := os.read(fd, 65536):
            text += chunk
    except OSError:
        pass  # the other end is closed
    os.waitpid(pid, 0)
    os.close(fd)
    return text.decode()


def test_colours(scratch):
    config = scratch.file("none.conf", f"[agent]\nrun_dir = {scratch.path}/run\n")
    argv = [str(BUILD / "hostingpid"), "-c", str(config), "--doctor"]
    assert "\x1b[" in read_terminal(argv, {"TERM": "xterm"})
    assert "\x1b[" not in read_terminal(argv, {"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b[" not in read_terminal(argv, {"TERM": "dumb"})
    assert "\x1b[" not in doctor(config)[1]
