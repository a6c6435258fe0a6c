# SPDX-License-Identifier: MIT
"""Rows of HAProxy's agent-check, played by script: a responder, pages that wait, one HAProxy.

Theory of operation: HAProxy names each server in its agent-send string, so that one Responder
answers for all of them with the bytes that a test wrote down for that name. HAProxy polls a server
strictly one after the other: when it calls for the second time since a reply was written down, it
has dealt with that reply; say() waits for exactly that. One HAProxy with many backends and servers
serves a whole module. Requests are held by Pages until the test lets them go, so that "in flight"
is a fact and not a race.
"""

import collections
import concurrent.futures
import contextlib
import functools
import http.client
import http.server
import os
import re
import signal
import socket
import socketserver
import subprocess
import threading

import harness

HANG = object()  # says nothing until the caller gives up
RESET = object()  # RST instead of an answer
RESET_LINGER = b"\1\0\0\0\0\0\0\0"  # struct linger {1, 0}
HOLD_S = 60  # a page that nobody lets go ends by itself
INTER = "50ms"


@functools.cache
def haproxy_version():
    """(2, 6) for the HAProxy that is installed; (0, 0) where there is none."""
    if harness.program("haproxy") is None:
        return 0, 0
    command = [harness.program("haproxy"), "-v"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
    return tuple(int(number) for number in re.search(r"version (\d+)\.(\d+)", text).groups())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 256
    block_on_close = False


class _Server6(_Server):
    address_family = socket.AF_INET6


def _serve(handler, owner):
    """A server in a thread, on a free port of the first family."""
    family = harness.families()[0]
    kind = _Server6 if family == socket.AF_INET6 else _Server
    server = kind((harness.LOOPBACK[family], 0), handler)
    server.owner = owner
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


class _Check(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            name = self.rfile.readline(100).decode("ascii", "replace").strip()
            self.answer(self.server.owner.take(name))

    def answer(self, reply):
        if reply is HANG:
            while self.connection.recv(100):
                pass
        elif reply is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_LINGER)
            self.connection.close()
        else:
            for piece in [reply] if isinstance(reply, bytes) else reply:
                if isinstance(piece, threading.Event):
                    piece.wait(HOLD_S)
                else:
                    self.connection.sendall(piece)


class _Through(socketserver.StreamRequestHandler):
    def handle(self):
        relay = self.server.owner
        answer = b""
        with contextlib.suppress(OSError):
            line = self.rfile.readline(100)
            target = harness.LOOPBACK[harness.families()[0]], relay.target_port
            with socket.create_connection(target, timeout=HOLD_S) as sock:
                sock.sendall(line)
                while chunk := sock.recv(4096):
                    answer += chunk
        relay.gate.wait(HOLD_S)
        with contextlib.suppress(OSError):
            self.connection.sendall(answer)


class Relay:
    """Stands before an agent; while the gate is closed, its answers are late."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.gate = threading.Event()
        self.gate.set()
        self.server = _serve(_Through, self)
        self.port = self.server.server_address[1]

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class Responder:
    """Answers each name with bytes, HANG, RESET, or a list of bytes and events to wait for."""

    def __init__(self, default):
        self.default = default
        self.replies = {}
        self.taken = collections.Counter()
        self.changed = threading.Condition()
        self.server = _serve(_Check, self)
        self.port = self.server.server_address[1]

    def take(self, name):
        with self.changed:
            self.taken[name] += 1
            self.changed.notify_all()
            return self.replies.get(name, self.default)

    def write(self, name, reply):
        """The reply from now on."""
        with self.changed:
            self.replies[name] = reply
            self.taken[name] = 0

    def wait(self, name, times=2):
        """Until it was called for so often since write()."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.taken[name] >= times, harness.DEADLINE_S):
                raise harness.LabError(f"HAProxy does not ask for {name}")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class _Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.owner.visit(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, *_args):
        pass


class Pages:
    """A web server: /hold/KEY waits until release(KEY), anything else is answered at once.

    busy counts the requests at work by key, most is the highest sum of them."""

    def __init__(self, watch=None):
        self.watch = watch or (lambda busy: None)  # called with the number at work
        self.gates = collections.defaultdict(threading.Event)
        self.busy = collections.Counter()
        self.most = 0
        self.lock = threading.Lock()
        self.server = _serve(_Page, self)
        self.port = self.server.server_address[1]

    def visit(self, path):
        with self.lock:
            gate = self.gates[path]
        if not path.startswith("/hold/"):
            return
        self._count(path, 1)
        gate.wait(HOLD_S)
        self._count(path, -1)

    def _count(self, path, change):
        with self.lock:
            self.busy[path] += change
            total = sum(self.busy.values())
            self.most = max(self.most, total)
            self.watch(total)

    def release(self, key):
        with self.lock:
            self.gates[f"/hold/{key}"].set()

    def close(self):
        for gate in self.gates.values():
            gate.set()
        self.server.shutdown()
        self.server.server_close()


def get(port, path="/", cookie=None, backend=None):
    """(status, name of the server) of one request through a balancer."""
    host = harness.LOOPBACK[harness.families()[0]]
    link = http.client.HTTPConnection(host, port, timeout=HOLD_S)
    headers = {"Cookie": f"srv={cookie}"} if cookie else {}
    if backend:
        headers["X-Backend"] = backend
    with contextlib.closing(link):
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        answer.read()
        return answer.status, answer.getheader("x-server")


class Held:
    """Requests that stay at work until release(); as a context, nothing stays behind."""

    def __init__(self, pages, key):
        self.pages = pages
        self.key = key
        self.pool = concurrent.futures.ThreadPoolExecutor(64)

    def start(self, port, count=1, **keys):
        """So many futures of get()."""
        path = f"/hold/{self.key}"
        return [self.pool.submit(get, port, path, **keys) for _ in range(count)]

    def at_work(self):
        return self.pages.busy[f"/hold/{self.key}"]

    def wait_at_work(self, count):
        what = f"{count} requests at work"
        harness.wait_until(lambda: self.at_work() == count, what=what)

    def release(self):
        self.pages.release(self.key)

    def __enter__(self):
        return self

    def __exit__(self, *_what):
        self.release()
        self.pool.shutdown()


class Balancer(harness.Haproxy):
    """One HAProxy for many rows. backends: {name: (lines, {server: words})}."""

    def __init__(self, scratch, backends, agent_port, page_port, name="haproxy", inter=INTER):
        harness.Process.__init__(self, scratch, name)
        self.port = harness.free_port()
        self.socket = scratch.path / f"{name}.sock"
        binds = [f" bind {harness.url_host(f)}:{self.port}" for f in harness.families()]
        timeouts = [f" timeout {what} {HOLD_S}s" for what in ("client", "server", "queue")]
        lines = ["global", f" stats socket {self.socket} mode 600 level admin", " maxconn 500"]
        # Without "timeout check" agent-inter is the time a busy machine has for an answer.
        lines += ["defaults", " mode http", " timeout connect 10s", " timeout check 20s", *timeouts]
        lines += ["frontend web", *binds, " use_backend %[req.hdr(x-backend)]"]
        family = harness.families()[0]
        host = harness.LOOPBACK[family]
        for backend, (options, servers) in backends.items():
            lines += [f"backend {backend}", *(f" {line}" for line in options)]
            lines.append(" http-response set-header x-server %s")
            for server, words in servers.items():
                words = words.replace("PAGES", f"{harness.url_host(family)}:{page_port}")
                if "agent-check" in words:
                    words = words.replace("agent-check", f"agent-check agent-addr {host}")
                    words += f" agent-port {agent_port} agent-inter {inter}"
                    words += f' agent-send "{backend}/{server}\\n"'
                lines.append(f" server {server} {words}")
        self.config = scratch.file(f"{name}.conf", "\n".join([*lines, ""]))


class Reloadable:
    """Makes a Haproxy master and worker. Before Haproxy in the list of bases."""

    def argv(self):
        return ["haproxy", "-W", "-db", "-f", self.config]

    def worker(self):
        lines = (line.split(": ", 1) for line in self.command("show info").splitlines())
        return next(line[1] for line in lines if line[0] == "Pid")

    def reload(self):
        """Returns when another worker answers at the runtime socket."""
        before = self.worker()
        os.kill(self.pid, signal.SIGUSR2)
        harness.wait_until(lambda: self.worker() != before, what="another worker")


class Rows:
    """Responder, pages and balancer of a module. A server's full name is BACKEND/SERVER."""

    def __init__(self, backends, default=b"up 100%\n", kind=Balancer):
        self.scratch = harness.Scratch()
        self.responder = Responder(default)
        self.pages = Pages()
        self.balancer = kind(self.scratch, backends, self.responder.port, self.pages.port)

    def __enter__(self):
        self.balancer.start()
        return self

    def __exit__(self, *_what):
        self.scratch.close()
        self.responder.close()
        self.pages.close()

    def say(self, server, reply):
        """The reply from now on; returns when HAProxy has dealt with it."""
        self.responder.write(server, reply)
        self.responder.wait(server)

    def see(self, server):
        """What HAProxy shows of a server, between two checks."""
        backend, name = server.split("/")

        def finished():
            row = self.balancer.stat()[backend, name]
            return None if row["agent_status"].startswith("* ") else row

        row = harness.wait_until(finished, what="the end of a check", pause=0.005)
        return {
            "weight": self.balancer.weight(name, backend),
            "effective": int(row["weight"]),
            "maxconn": int(row["slim"] or 0),
            "status": row["status"],
            "agent": row["agent_status"],
            "said": row["last_agt"],
        }

    def wait_status(self, server, word):
        what = f"{server} to be {word}"
        harness.wait_until(lambda: self.see(server)["status"].startswith(word), what=what)

    def command(self, text):
        """A command that answers nothing when it works."""
        answer = self.balancer.command(text).strip()
        assert answer == "", answer

    def get(self, backend, cookie=None):
        return get(self.balancer.port, cookie=cookie, backend=backend)

    def servers(self, backend, count=12, cookie=None):
        """{server: requests} of so many requests, all of them answered well."""
        answers = [self.get(backend, cookie) for _ in range(count)]
        assert {status for status, _ in answers} == {200}
        return collections.Counter(server for _, server in answers)

    def held(self, key):
        return Held(self.pages, key)

    def hold(self, held, backend, count=1, cookie=None):
        return held.start(self.balancer.port, count, backend=backend, cookie=cookie)


def guard(module_rows, request):
    """For the fixture of a test: a failed one shows what the daemons of its module said. Without its balancer none can
    but wait in vain."""
    request.node.scratch = module_rows.scratch
    if not module_rows.balancer.alive():
        code = module_rows.balancer.popen.returncode
        raise harness.LabError(f"HAProxy ended with {code}\n{module_rows.balancer.tail()}")
    return module_rows
