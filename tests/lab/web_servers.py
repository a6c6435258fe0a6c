# SPDX-License-Identifier: MIT
"""More web servers for test_requests.py: a real Apache, and servers that misbehave.

Theory of operation: the evil server runs in threads of the test and does to each connection what
one function says; it notes what was asked and how many bytes it got rid of. Namespace gives a
network of its own, where the usual ports can be used.
"""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import threading

from process import LOOPBACK, Process, families, free_port, url_host

MODULES = pathlib.Path("/usr/lib/apache2/modules")


class Apache(Process):
    """server-status on both loopback families at one port, and a small page at /index.html."""

    def __init__(self, scratch, extended=True, require="all granted", name="apache", listen=(),
                 wrapper=()):
        super().__init__(scratch, name)
        self.port = free_port()
        self.wrapper = wrapper
        folder = scratch.path / f"{name}.d"
        folder.mkdir()
        (folder / "index.html").write_text("a page\n", encoding="utf-8")
        self.pid_file = folder / "pid"
        own = [f"{url_host(family)}:{self.port}" for family in families()]
        modules = ("mpm_event", "status", "authz_core")
        lines = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules]
        lines += [f"Listen {address}" for address in listen or own]
        lines += [f"ServerRoot {folder}", f"DefaultRuntimeDir {folder}", f"PidFile {self.pid_file}"]
        lines += ["ServerName localhost", f"ErrorLog {self.log}", f"DocumentRoot {folder}"]
        lines += [f"ExtendedStatus {'On' if extended else 'Off'}"]
        lines += ["StartServers 1", "ServerLimit 2", "ThreadsPerChild 8", "MaxRequestWorkers 16"]
        lines += ["MinSpareThreads 1", "MaxSpareThreads 16"]
        if os.getuid() == 0:
            lines += ["User nobody", "Group nogroup"]
        lines += ["<Location /server-status>", "SetHandler server-status", f"Require {require}"]
        lines += ["</Location>", ""]
        self.config = scratch.file(f"{name}.conf", "\n".join(lines))

    def argv(self):
        return [*self.wrapper, "apache2", "-f", self.config, "-D", "FOREGROUND"]

    def ready(self):
        if self.wrapper:
            return self.pid_file.exists()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def status_url(self, family=socket.AF_INET6):
        return f"http://{url_host(family)}:{self.port}/server-status?auto"


class Namespace(Process):
    """A network of its own with only a loopback; wrapper starts a program in it."""

    def __init__(self, scratch, name="namespace"):
        super().__init__(scratch, name)

    def argv(self):
        script = "ip link set lo up && touch up && exec sleep infinity"
        return ["unshare", "--net", "sh", "-c", script]

    def ready(self):
        return (self.scratch.path / "up").exists()

    @property
    def wrapper(self):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--"]

    def answers(self, host, port):
        """True if somebody listens there, inside."""
        code = f"import socket; socket.create_connection(('{host}', {port}), 5)"
        argv = [*self.wrapper, sys.executable, "-c", code]
        return subprocess.run(argv, check=False, capture_output=True, timeout=30).returncode == 0


class Evil:
    """A TCP server that does behaviour(connection, number of the request) to each request."""

    def __init__(self, behaviour, family=socket.AF_INET6):
        self.behaviour = behaviour
        self.asked = []
        self.sent = 0
        self.over = threading.Event()
        self.family = family
        self.listener = socket.create_server((LOOPBACK[family], 0), family=family)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/nginx_status"):
        return f"http://{url_host(self.family)}:{self.port}{path}"

    def close(self):
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def send(self, connection, data):
        """Sends, and counts what the kernel took."""
        view = memoryview(data)
        while view:
            taken = connection.send(view[:65536])
            self.sent += taken
            view = view[taken:]

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(4096)
                if not piece:
                    return
                request += piece
            self.asked.append(request.decode())
            self.behaviour(self, connection, len(self.asked))
