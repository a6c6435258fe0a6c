# SPDX-License-Identifier: MIT
"""examples/web-front in the real nginx and Apache in front of the real agent: TLS, password, both upstreams.

Theory of operation: the files are used as they are but for names of files, ports and addresses, each of
which must be there to be replaced.
"""

import base64
import json
import os
import pathlib
import re
import ssl
import subprocess
import urllib.error
import urllib.request

import certificates
import harness
import http_lab
import process
import pytest

FOLDER = harness.REPO / "examples/web-front"
MODULES = pathlib.Path("/usr/lib/apache2/modules")
NAME = "pi1.example.net"
SOCKET = "/run/hostingpi/http.sock"
UPSTREAMS = ["tcp", "unix"]


class Front(process.Process):
    """A web server that runs an example, with a certificate and the password "secret" for admin."""

    def __init__(self, scratch, agent, name):
        super().__init__(scratch, name)
        self.agent = agent
        self.port = process.free_port()
        certificates.make_ca(scratch, "ca")
        self.cert, self.key = certificates.make_certificate(scratch, "ca", "site", f"DNS:{NAME}")
        words = [process.program("openssl"), "passwd", "-6", "secret"]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
        self.users = scratch.file("htpasswd", f"admin:{done.stdout}")
        self.folder = scratch.path / f"{name}.d"
        self.folder.mkdir()

    def fill(self, name, upstream, words):
        """The text of an example with these words replaced; unix: with its other upstream."""
        text = (FOLDER / name).read_text(encoding="utf-8")
        if upstream == "unix":
            text = re.sub(r"^ *(server|ProxyPass) .*\[::1\]:9778.*\n", "", text, flags=re.MULTILINE)
            text = re.sub(r"#((server|ProxyPass) .*unix:)", r"\1", text)
            words = {**words, SOCKET: f"{self.agent.run_dir}/http.sock"}
        else:
            words = {**words, "[::1]:9778": f"[::1]:{self.agent.http_port}"}
        for word, value in words.items():
            assert word in text, word
            text = text.replace(word, str(value))
        return text

    def site(self):
        return {"/etc/ssl/certs/pi1.pem": self.cert, "/etc/ssl/private/pi1.key": self.key}

    def ready(self):
        return process.can_connect(self.port)

    def get(self, path, family, password="secret", path_is=200, headers=None):
        """(fields, body) of a request over TLS, whose certificate must be right."""
        context = ssl.create_default_context(cafile=self.scratch.path / "ca.pem")
        context.check_hostname = False
        request = urllib.request.Request(
            f"https://{process.url_host(family)}:{self.port}{path}", headers=headers or {}
        )
        request.add_header("Host", NAME)
        if password:
            token = base64.b64encode(f"admin:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        handler = urllib.request.HTTPSHandler(context=context)
        try:
            with urllib.request.build_opener(handler).open(request, timeout=20) as answer:
                assert answer.status == path_is
                return answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            assert error.code == path_is, (error.code, error.read())
            return error.headers, error.read().decode()


class NginxFront(Front):
    def __init__(self, scratch, agent, upstream):
        super().__init__(scratch, agent, "nginx-front")
        temps = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        lines = [f"{temp}_temp_path {self.folder}/{temp};" for temp in temps]
        if upstream == "path":
            own = self.fill("nginx-path.conf", upstream, {"/etc/nginx/hostingpi.htpasswd": self.users})
            listen = f"listen [::1]:{self.port} ssl; listen 127.0.0.1:{self.port} ssl;"
            own = f"server {{ {listen} ssl_certificate {self.cert}; ssl_certificate_key {self.key};\n{own}}}"
        else:
            words = {"/etc/nginx/hostingpi.htpasswd": self.users, **self.site()}
            words["listen [::]:443"] = f"listen [::1]:{self.port}"
            words["listen 443"] = f"listen 127.0.0.1:{self.port}"
            own = self.fill("nginx.conf", upstream, words)
        self.config = scratch.file(
            "nginx-front.conf",
            "daemon off; master_process off;\n"
            f"pid {self.folder}/pid; error_log {self.log} warn;\n"
            "events { worker_connections 256; }\n"
            f"http {{\naccess_log off;\n{chr(10).join(lines)}\n{own}\n}}\n",
        )

    def argv(self):
        return ["nginx", "-p", self.scratch.path, "-e", self.log, "-c", self.config]


class ApacheFront(Front):
    def __init__(self, scratch, agent, upstream):
        super().__init__(scratch, agent, "apache-front")
        words = {"/etc/apache2/hostingpi.htpasswd": self.users, **self.site()}
        words["*:443"] = f"*:{self.port}"
        own = self.fill("apache.conf", upstream, words)
        modules = "mpm_event ssl proxy proxy_http headers auth_basic authn_core authn_file authz_core"
        modules = [*modules.split(), "authz_user", "socache_shmcb"]
        lines = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules]
        lines += [f"Listen {process.url_host(family)}:{self.port} https" for family in process.families()]
        lines += [f"ServerRoot {self.folder}", f"DefaultRuntimeDir {self.folder}"]
        lines += [f"PidFile {self.folder}/pid", "ServerName localhost", f"ErrorLog {self.log}"]
        if os.getuid() == 0:
            lines += ["User nobody", "Group nogroup"]
        self.config = scratch.file("apache-front.conf", "\n".join([*lines, own]))

    def argv(self):
        return ["apache2", "-f", self.config, "-D", "FOREGROUND"]


FRONTS = [(NginxFront, "tcp"), (NginxFront, "unix"), (NginxFront, "path")]
FRONTS += [(ApacheFront, "tcp"), (ApacheFront, "unix")]


@pytest.fixture(params=FRONTS, ids=[f"{kind.__name__}-{upstream}" for kind, upstream in FRONTS])
def front(request, scratch):
    kind, upstream = request.param
    if process.program("nginx" if kind is NginxFront else "apache2") is None:
        pytest.skip("that web server is not installed")
    agent = harness.Agent(scratch)
    agent.configure({"http": {"listen": http_lab.all_ways(agent)}})
    agent.start()
    front = kind(scratch, agent, upstream)
    front.at = "/hostingpi" if upstream == "path" else ""
    return front.start()


def test_page_and_documents(front):
    for family in process.families():
        fields, body = front.get(front.at + "/", family)
        assert fields["X-Content-Type-Options"] == "nosniff" and "lab" in body
        assert fields["Content-Security-Policy"] and fields["Cache-Control"] == "no-store"
        fields, body = front.get(front.at + "/status.json", family)
        assert fields["Content-Type"] == "application/json" and json.loads(body)["id"] == "lab"
        fields, body = front.get(
            front.at + "/metrics", family, headers={"Accept": "application/openmetrics-text"}
        )
        assert body.endswith("# EOF\n")
        assert front.get(front.at + "/health?soft=404", family)[1].startswith("up ")
        front.get(front.at + "/nothing", family, path_is=404)


def test_nobody_without_the_password(front):
    before = sum(front.agent.status()["notifiers"]["http"]["answers"].values())
    for path in ["/", "/status.json", "/metrics", "/health"]:
        for password in [None, "wrong"]:
            fields, _ = front.get(front.at + path, process.families()[0], password, path_is=401)
            assert fields["WWW-Authenticate"].startswith("Basic ")
    # They did not even come through.
    assert sum(front.agent.status()["notifiers"]["http"]["answers"].values()) == before
