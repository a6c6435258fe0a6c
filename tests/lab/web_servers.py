# SPDX-License-Identifier: MIT
"""More web servers for test_requests*.py: Apache, lighttpd, PHP-FPM, Caddy, and one that misbehaves.

Theory of operation: the evil server runs in threads of the test and does to each connection what
one function says; it notes what was asked and how many bytes it got rid of. Namespace gives a
network of its own, where the usual ports can be used.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import urllib.request

from process import LOOPBACK, LabError, Process, can_connect, families, free_port, program, url_host

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


class Lighttpd(Process):
    """server-status on both loopback families at one port, and a small page at /index.html."""

    def __init__(self, scratch, name="lighttpd", extra=""):
        super().__init__(scratch, name)
        self.port = free_port()
        folder = scratch.path / f"{name}.d"
        folder.mkdir()
        (folder / "index.html").write_text("a page\n", encoding="utf-8")
        first, *others = [f"{url_host(family)}:{self.port}" for family in families()]
        lines = ['server.modules = ("mod_access", "mod_status")']
        lines += [f'server.document-root = "{folder}"', f"server.port = {self.port}"]
        lines += [f'server.bind = "{first.rpartition(":")[0]}"']
        lines += [f'$SERVER["socket"] == "{address}" {{ }}' for address in others]
        lines += ['status.status-url = "/server-status"', extra, ""]
        self.config = scratch.file(f"{name}.conf", "\n".join(lines))

    def argv(self):
        return ["lighttpd", "-D", "-f", self.config]

    def ready(self):
        return can_connect(self.port)

    def status_url(self, family=socket.AF_INET6):
        return f"http://{url_host(family)}:{self.port}/server-status?auto"

    page_path = "/index.html"


class Caddy(Process):
    """Pages on both loopback families, metrics on both at another port (the admin's)."""

    def __init__(self, scratch, name="caddy", metrics=True):
        super().__init__(scratch, name)
        self.port, self.admin_port = free_port(), free_port()
        folder = scratch.path / f"{name}.d"
        folder.mkdir()
        (folder / "index.html").write_text("a page\n", encoding="utf-8")
        sites = ", ".join(f"http://{url_host(family)}:{self.port}" for family in families())
        # Each handler of a route counts the request; a site's own routes are one of them.
        self.config = scratch.file(
            f"{name}.conf",
            f"""{{
            admin localhost:{self.admin_port}
            auto_https off
            {"servers { metrics }" if metrics else ""}
            }}
            {sites} {{
            root * {folder}
            handle /api/* {{
                header X-Api yes
                respond "an answer" 200
            }}
            handle /broken {{
                respond "sorry" 503
            }}
            handle {{
                encode gzip
                file_server
            }}
            }}
            """.replace("servers { metrics }", "servers {\nmetrics\n}"),
        )

    def argv(self):
        home = self.scratch.path / f"{self.name}.home"
        folders = [f"{key}={home}" for key in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")]
        return ["env", *folders, program("caddy") or "caddy", "run", "--adapter", "caddyfile",
                "--config", self.config]

    def ready(self):
        """Nothing on the page tells that it is Caddy's before it was asked for once."""
        with contextlib.suppress(OSError), urllib.request.urlopen(self.status_url(), timeout=5):
            return can_connect(self.port)
        return False

    def status_url(self, _family=None):
        """"localhost" is one address to Caddy, and it says which only by listening."""
        return f"http://localhost:{self.admin_port}/metrics"


class PhpFpm(Process):
    """A pool on a Unix socket with /status, and with own_page a socket of its own for that page."""

    def __init__(self, scratch, name="php-fpm", family=None, children=3, own_page=False):
        super().__init__(scratch, name)
        self.socket = scratch.path / f"{name}.sock"
        self.page_socket = scratch.path / f"{name}-status.sock"
        self.family = family
        self.port = free_port() if family else None
        self.listen = f"{url_host(family)}:{self.port}" if family else str(self.socket)
        self.script = scratch.file(f"{name}.d/nap.php", "<?php sleep((int) $_GET['s']); echo 1;")
        lines = ["[global]", f"error_log = {self.log}", "[www]", f"listen = {self.listen}"]
        if os.getuid() == 0:
            lines += ["user = nobody", "group = nogroup"]
        lines += ["pm = static", f"pm.max_children = {children}", "pm.status_path = /status"]
        lines += [f"pm.status_listen = {self.page_socket}"] if own_page else []
        self.config = scratch.file(f"{name}.conf", "\n".join([*lines, ""]))
        self.own_page = own_page

    def argv(self):
        # Debian's name has the version in it.
        folders = ("/usr/sbin", "/usr/local/sbin", "/usr/bin")
        found = [path for folder in folders for path in sorted(pathlib.Path(folder).glob("php-fpm*"))]
        name = shutil.which("php-fpm") or (found[-1] if found else "php-fpm")
        return [name, "-F", "-y", self.config]

    def ready(self):
        if self.family:
            return can_connect(self.port, self.family)
        return self.socket.exists() and (not self.own_page or self.page_socket.exists())

    def status_url(self):
        if self.family and not self.own_page:
            return f"fcgi://{self.listen}/status"
        return f"fcgi:unix:{self.page_socket if self.own_page else self.socket}:/status"

    def connect(self, seconds=0):
        """Sends a request for a script that naps; the answer is for the caller to read."""
        def record(kind, data):
            return struct.pack(">BBHHBB", 1, kind, 1, len(data), 0, 0) + data

        variables = {"SCRIPT_FILENAME": self.script, "SCRIPT_NAME": "/nap.php",
                     "REQUEST_METHOD": "GET", "QUERY_STRING": f"s={seconds}"}
        params = b""
        for key, value in variables.items():
            params += bytes([len(key), len(str(value))]) + key.encode() + str(value).encode()
        if self.family:
            sock = socket.create_connection((LOOPBACK[self.family], self.port), 20)
        else:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(20)
            sock.connect(str(self.socket))
        begin = record(1, struct.pack(">HB5x", 1, 0))
        sock.sendall(begin + record(4, params) + record(4, b"") + record(5, b""))
        return sock

    def run(self, seconds=0):
        with self.connect(seconds) as sock:
            answer = b""
            while piece := sock.recv(4096):
                answer += piece
        if b"\r\n\r\n1" not in answer:
            raise LabError(f"PHP answered {answer!r}")


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
