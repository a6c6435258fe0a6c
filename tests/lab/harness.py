# SPDX-License-Identifier: MIT
"""Real daemons in a scratch folder: broker, web server, load balancer and our own agent.

Theory of operation: each class writes a small configuration into the scratch folder and is a
Process (process.py): own process group, output in a file, gone with the folder. All listen on both
loopback families at one port. Nothing needs root; as root nothing drops to another user, because
the scratch folder belongs to root then.
"""

import contextlib
import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

from process import (  # noqa: F401 (tests import these from here)
    DEADLINE_S,
    LOOPBACK,
    LabError,
    Process,
    Scratch,
    can_connect,
    families,
    free_port,
    program,
    url_host,
    wait_until,
)

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HOSTINGPI_BUILD") or REPO / "build" / "plain").resolve()
ARENA_BYTES = 64 << 20  # glibc aligns the heap of a thread to this on 64-bit machines


class Subscriber(Process):
    """mosquitto_sub -v; collects (monotonic time, topic, payload) in a thread."""

    READY_TOPIC = "$SYS/broker/version"  # retained: it arrives when the subscription stands

    def __init__(self, scratch, name, port, topics, options=(), host="127.0.0.1"):
        super().__init__(scratch, name)
        self.options = ["-h", host, "-p", port, *options]
        self.topics = [*topics, self.READY_TOPIC]
        self.messages = []
        self.lines = []
        self.subscribed = False
        self.changed = threading.Condition()

    def argv(self):
        words = ["mosquitto_sub", "-v", *self.options]
        for topic in self.topics:
            words += ["-t", topic]
        return words

    def ready(self):
        return self.subscribed

    def spawn(self, **pipes):
        super().spawn(stdout=subprocess.PIPE, **pipes)
        threading.Thread(target=self._read, args=(self.popen.stdout,), daemon=True).start()
        return self

    def _read(self, pipe):
        for raw in pipe:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            topic, _, payload = line.partition(" ")
            with self.changed:
                if topic == self.READY_TOPIC:
                    self.subscribed = True
                else:
                    self.lines.append(line)
                    self.messages.append((time.monotonic(), topic, payload))
                self.changed.notify_all()

    def count(self):
        with self.changed:
            return len(self.messages)

    def wait_for(self, predicate, timeout=DEADLINE_S, since=0, what="a message"):
        """The first (time, topic, payload) from index since on with predicate(topic, payload)."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                for message in self.messages[since:]:
                    if predicate(message[1], message[2]):
                        return message
                since = max(since, len(self.messages))
                left = deadline - time.monotonic()
                if left <= 0:
                    last = "\n".join(self.lines[-10:])
                    raise LabError(f"waited {timeout:g} s for {what}; last lines:\n{last}")
                self.changed.wait(left)


class Mosquitto(Process):
    """A broker on [::1] and 127.0.0.1 at one port; extra: further configuration lines."""

    def __init__(self, scratch, extra=(), name="mosquitto", port=None, listeners=True):
        super().__init__(scratch, name)
        self.port = port or free_port()
        self.subscribers = 0
        # "user root" only keeps a broker that was started as root from leaving the scratch folder.
        lines = ["user root", "persistence false", "log_dest stderr", "log_type all"]
        lines += ["allow_anonymous true", "per_listener_settings false"]
        if listeners:
            lines += [f"listener {self.port} {LOOPBACK[family]}" for family in families()]
        self.config = scratch.file(f"{name}.conf", "\n".join([*lines, *extra, ""]))

    def argv(self):
        return ["mosquitto", "-c", self.config]

    def ready(self):
        return can_connect(self.port)

    def subscriber(self, *topics, options=(), host="127.0.0.1", wait=True):
        """A started Subscriber (default topic: hostingpi/#)."""
        self.subscribers += 1
        name = f"{self.name}-sub{self.subscribers}"
        sub = Subscriber(
            self.scratch, name, self.port, topics or ("hostingpi/#",), options, host
        )
        return sub.start() if wait else sub.spawn()

    def publish(self, topic, payload, options=()):
        command = [program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.port)]
        subprocess.run([*command, "-t", topic, "-m", payload, *options], check=True, timeout=20)


class Nginx(Process):
    """stub_status on ::1, 127.0.0.1 and a Unix socket; small pages on further ports.

    status_port (path /nginx_status, both families), status_socket, page_ports (one per page text).
    """

    def __init__(self, scratch, pages=("a page\n",), name="nginx", extra=""):
        super().__init__(scratch, name)
        self.status_port = free_port()
        self.status_socket = scratch.path / f"{name}.sock"
        self.page_ports = [free_port() for _ in pages]
        folder = scratch.path / f"{name}.d"
        folder.mkdir()
        temps = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        http = [f"{temp}_temp_path {folder}/{temp};" for temp in temps]
        status = "location = /nginx_status { stub_status; access_log off; }"
        listen = f"{self._listen(self.status_port)} listen unix:{self.status_socket};"
        http.append(f"server {{ {listen} {status} {extra} }}")
        for number, (port, text) in enumerate(zip(self.page_ports, pages)):
            (folder / str(number)).mkdir()
            (folder / str(number) / "index.html").write_text(text, encoding="utf-8")
            http.append(f"server {{ {self._listen(port)} root {folder}/{number}; }}")
        self.config = scratch.file(
            f"{name}.conf",
            "daemon off; master_process off;\n"
            f"pid {folder}/pid; error_log {self.log} warn;\n"
            "events { worker_connections 256; }\n"
            f"http {{\naccess_log off; default_type text/html;\n{chr(10).join(http)}\n}}\n",
        )

    @staticmethod
    def _listen(port):
        return " ".join(f"listen {url_host(family)}:{port};" for family in families())

    def status_url(self, family=socket.AF_INET6):
        return f"http://{url_host(family)}:{self.status_port}/nginx_status"

    def argv(self):
        return ["nginx", "-p", self.scratch.path, "-e", self.log, "-c", self.config]

    def ready(self):
        return can_connect(self.status_port) and self.status_socket.exists()

    def close(self):
        super().close()
        self.status_socket.unlink(missing_ok=True)


class Haproxy(Process):
    """Frontend "web" on port, backend "pool". servers: dicts with name, port and optionally
    family, weight (100), maxconn, check (True), agent_port, agent_family, agent_send, extra."""

    def __init__(self, scratch, servers, name="haproxy", agent_inter="500ms", extra=""):
        super().__init__(scratch, name)
        self.port = free_port()
        self.socket = scratch.path / f"{name}.sock"
        binds = "\n".join(f" bind {url_host(family)}:{self.port}" for family in families())
        timeouts = "\n".join(f" timeout {what} 10s" for what in ("connect", "client", "server"))
        lines = "\n".join(self._server(server, agent_inter) for server in servers)
        self.config = scratch.file(
            f"{name}.conf",
            f"global\n stats socket {self.socket} mode 600 level admin\n maxconn 500\n"
            f"defaults\n mode http\n{timeouts}\n{extra}\n"
            f"frontend web\n{binds}\n default_backend pool\n"
            f"backend pool\n balance roundrobin\n{lines}\n",
        )

    @staticmethod
    def _server(server, agent_inter):
        family = server.get("family", families()[0])
        words = [f" server {server['name']} {url_host(family)}:{server['port']}"]
        words.append(f"weight {server.get('weight', 100)}")
        if "maxconn" in server:
            words.append(f"maxconn {server['maxconn']}")
        if server.get("check", True):
            words.append("check inter 500ms")
        if "agent_port" in server:
            address = LOOPBACK[server.get("agent_family", families()[0])]
            send = server.get("agent_send", "lb1/pool")
            words.append(f"agent-check agent-addr {address} agent-port {server['agent_port']}")
            words.append(f'agent-inter {agent_inter} agent-send "{send}\\n"')
        return " ".join([*words, server.get("extra", "")])

    def argv(self):
        return ["haproxy", "-db", "-f", self.config]

    def ready(self):
        return can_connect(self.port) and self.socket.exists()

    def command(self, text):
        """The answer of the runtime socket."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(10)
            sock.connect(str(self.socket))
            sock.sendall(text.encode() + b"\n")
            answer = b""
            while chunk := sock.recv(65536):
                answer += chunk
        return answer.decode()

    def servers_state(self, backend="pool"):
        """`show servers state`: {server: {column: text}}."""
        rows = self.command(f"show servers state {backend}").splitlines()
        header = next(row for row in rows if row.startswith("# "))[2:].split()
        tables = (dict(zip(header, row.split())) for row in rows[2:] if row and row[0] != "#")
        return {row["srv_name"]: row for row in tables}

    def stat(self):
        """`show stat`: {(proxy, server): {column: text}}."""
        text = self.command("show stat").lstrip("# ")
        return {(row["pxname"], row["svname"]): row for row in csv.DictReader(text.splitlines())}

    def weight(self, server, backend="pool"):
        """The weight in force now, as the agent set it (a drained server keeps it)."""
        return int(self.servers_state(backend)[server]["srv_uweight"])

    def maxconn(self, server, backend="pool"):
        limit = self.stat()[backend, server]["slim"]
        return int(limit) if limit else 0

    def status(self, server, backend="pool"):
        """As on the statistics page: UP, DRAIN (agent), DOWN (agent), ..."""
        return self.stat()[backend, server]["status"]


class Agent(Process):
    """hostingpid with a configuration from {section: {key: value}}; what is not said is set so
    that nothing leaves the scratch folder: run_dir, id, and ports of its own."""

    def __init__(self, scratch, config=None, name="agent", options=(), wrapper=()):
        super().__init__(scratch, name)
        self.run_dir = scratch.path / f"{name}.run"
        self.run_dir.mkdir(exist_ok=True)
        self.agent_port = free_port()
        self.http_port = free_port()
        self.settings = {
            "agent": {"id": "lab", "run_dir": self.run_dir},
            "haproxy": {"listen": self.listen(self.agent_port)},
            "http": {"listen": self.listen(self.http_port)},
        }
        self.options = options
        self.wrapper = wrapper
        self.config = scratch.path / f"{name}.conf"
        self.configure(config or {})

    @staticmethod
    def listen(port):
        """One port on loopback, both families, as an operator writes it."""
        return ", ".join(f"{url_host(family)}:{port}" for family in families())

    def configure(self, config):
        """Merges settings in and writes the file; a running agent sees it after reload()."""
        for section, keys in config.items():
            self.settings.setdefault(section, {}).update(keys)
        parts = []
        for section, keys in self.settings.items():
            parts += [f"[{section}]", *(f"{key} = {value}" for key, value in keys.items()), ""]
        self.config.write_text("\n".join(parts), encoding="utf-8")

    def argv(self):
        return [*self.wrapper, BUILD / "hostingpid", "-c", self.config, *self.options]

    def ready(self):
        with contextlib.suppress(OSError, ValueError):
            return bool(self.status())
        return False

    def ask(self, command, **values):
        """One request over the control socket, the answer as a dict."""
        request = json.dumps({"command": command, **values}) + "\n"
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(10)
            sock.connect(str(self.run_dir / "control.sock"))
            sock.sendall(request.encode())
            with sock.makefile("r", encoding="utf-8") as answer:
                return json.loads(answer.readline())

    def status(self):
        return self.ask("status")

    def reload(self):
        os.kill(self.pid, signal.SIGHUP)

    def memory_bytes(self, key="VmRSS"):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
        raise LabError(f"no {key} for {self.name}")

    def heaps_kb(self):
        """Touched kB: of the heap of the loop, and a list of those of threads (arenas of glibc)."""
        loop, threads, place = 0, [], []
        for line in pathlib.Path(f"/proc/{self.pid}/smaps").read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                place = words
            elif words[0] == "Anonymous:" and place[1].startswith("rw"):
                if place[-1] == "[heap]":
                    loop = int(words[1])
                elif len(place) == 5 and int(place[0].partition("-")[0], 16) % ARENA_BYTES == 0:
                    threads.append(int(words[1]))
        return loop, threads

    def agent_check(self, family=None, send=b"lb1/pool\n"):
        """One poll as HAProxy makes it; the line without its end."""
        one = families()[0] if family is None else family
        with contextlib.closing(socket.socket(one, socket.SOCK_STREAM)) as sock:
            sock.settimeout(10)
            sock.connect((LOOPBACK[one], self.agent_port))
            with contextlib.suppress(OSError):
                sock.sendall(send)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := sock.recv(4096):
                    answer += chunk
        return answer.decode().rstrip("\n")
