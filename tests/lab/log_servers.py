# SPDX-License-Identifier: MIT
"""Real web servers that write an access log and rotate it as Debian's logrotate files do.

Theory of operation: each listens on both loopback families at one port, has a page at /, its status
page (which is not logged) at status_url(), and writes to log_path. rotate() renames the log, makes an
empty one and tells the server, which goes on with the old file until it has understood.
"""

import os
import pathlib
import signal
import socket

from harness import Process, can_connect, families, free_port, url_host

MODULES = pathlib.Path("/usr/lib/apache2/modules")


class Logged(Process):
    """What they have in common; subclasses give argv(), the configuration and the path of the page."""

    status_path = "/server-status?auto"
    reopen_signal = signal.SIGUSR1

    def __init__(self, scratch, name):
        super().__init__(scratch, name)
        self.port = free_port()
        self.folder = scratch.path / f"{name}.d"
        self.folder.mkdir()
        (self.folder / "index.html").write_text("a page\n", encoding="utf-8")
        self.log_path = self.folder / "access.log"
        self.rotations = 0
        self.listen = [f"{url_host(family)}:{self.port}" for family in families()]

    def ready(self):
        return can_connect(self.port)

    def url(self, path="/index.html", family=socket.AF_INET6):
        return f"http://{url_host(family)}:{self.port}{path}"

    def status_url(self):
        return self.url(self.status_path, families()[0])

    def rotate(self):
        self.rotations += 1
        stat = self.log_path.stat()
        self.log_path.rename(f"{self.log_path}.{self.rotations}")
        self.log_path.touch(mode=stat.st_mode & 0o777)
        os.chown(self.log_path, stat.st_uid, stat.st_gid)
        os.kill(self.pid, self.reopen_signal)

    def reopened(self):
        """True once the server has the log open that stands at the name now."""
        return any(
            os.path.samefile(link, self.log_path)
            for link in pathlib.Path(f"/proc/{self.pid}/fd").iterdir()
            if link.exists()
        )

    def lines(self):
        """How many lines all logs have, rotated ones included."""
        return sum(path.read_bytes().count(b"\n") for path in self.folder.glob("access.log*"))


class LoggedNginx(Logged):
    """/broken answers 503; with fastcgi (a Unix socket) what ends in .php goes there."""

    status_path = "/nginx_status"

    def __init__(self, scratch, name="nginx", fastcgi=None, script=None):
        super().__init__(scratch, name)
        temps = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        lines = ["daemon off; worker_processes 2;"]
        lines += ["user root root;"] if os.getuid() == 0 else []
        lines += [f"pid {self.folder}/pid; error_log {self.log} warn;"]
        lines += ["events { worker_connections 256; }", "http {"]
        lines += [f"{temp}_temp_path {self.folder}/{temp};" for temp in temps]
        lines += [f"access_log {self.log_path} combined; default_type text/html;", "server {"]
        lines += [f"listen {address};" for address in self.listen]
        lines += [f"root {self.folder};", "location = /broken { return 503; }"]
        lines += ["location = /nginx_status { stub_status; access_log off; }"]
        if fastcgi:
            lines += [f"location ~ [.]php$ {{ fastcgi_pass unix:{fastcgi};"]
            lines += ["fastcgi_param REQUEST_METHOD $request_method;"]
            lines += ["fastcgi_param QUERY_STRING $query_string;"]
            lines += [f"fastcgi_param SCRIPT_FILENAME {script}; }}"]
        self.config = scratch.file(f"{name}.conf", "\n".join([*lines, "}", "}", ""]))

    def argv(self):
        return ["nginx", "-p", self.scratch.path, "-e", self.log, "-c", self.config]


class LoggedApache(Logged):
    """/broken answers 503. It is told by a graceful restart: old children write to the old log."""

    def __init__(self, scratch, name="apache"):
        super().__init__(scratch, name)
        modules = ("mpm_event", "status", "authz_core", "alias", "setenvif")
        lines = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules]
        lines += [f"Listen {address}" for address in self.listen]
        lines += [f"ServerRoot {self.folder}", f"DefaultRuntimeDir {self.folder}"]
        lines += [f"PidFile {self.folder}/pid", "ServerName localhost", f"ErrorLog {self.log}"]
        lines += [f"DocumentRoot {self.folder}", "ExtendedStatus On", "MaxKeepAliveRequests 0"]
        lines += ["ServerLimit 8", "ThreadsPerChild 25", "MaxRequestWorkers 200"]
        if os.getuid() == 0:
            lines += ["User nobody", "Group nogroup"]
        lines += ['SetEnvIf Request_URI "^/server-status" ours', "Redirect 503 /broken"]
        combined = r'"%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\""'
        lines += [f"CustomLog {self.log_path} {combined} env=!ours"]
        lines += ["<Location /server-status>", "SetHandler server-status", "Require all granted"]
        lines += ["</Location>", ""]
        self.config = scratch.file(f"{name}.conf", "\n".join(lines))

    def argv(self):
        return ["apache2", "-f", self.config, "-D", "FOREGROUND"]


class LoggedLighttpd(Logged):
    reopen_signal = signal.SIGHUP

    def __init__(self, scratch, name="lighttpd"):
        super().__init__(scratch, name)
        first, *others = self.listen
        lines = ['server.modules = ("mod_status", "mod_accesslog")']
        lines += [f'server.document-root = "{self.folder}"', f"server.port = {self.port}"]
        lines += [f'server.bind = "{first.rpartition(":")[0]}"', "server.max-fds = 1024"]
        lines += [f'$SERVER["socket"] == "{address}" {{ }}' for address in others]
        lines += [f'accesslog.filename = "{self.log_path}"', 'status.status-url = "/server-status"']
        lines += ['server.max-keep-alive-requests = 1000000', f'server.errorlog = "{self.log}"']
        lines += ['$HTTP["url"] =~ "^/server-status" { accesslog.filename = "" }', ""]
        self.config = scratch.file(f"{name}.conf", "\n".join(lines))

    def argv(self):
        return ["lighttpd", "-D", "-f", self.config]
