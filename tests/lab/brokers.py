# SPDX-License-Identifier: MIT
"""Brokers that run the files of dashboard/mosquitto as they stand.

Theory of operation: the files are copied below the scratch folder; only folders, ports and the name
of the other broker are replaced, each of which must be there. A small main file stands for Debian's
mosquitto.conf. The listeners are on all addresses (TLS) and on ::1, as the files say.
"""

import subprocess

import harness

EXAMPLES = harness.REPO / "dashboard" / "mosquitto"
TLS_PORT, PLAIN_PORT = "listener 8883", "listener 1883 ::1"


def replace(text, old, new):
    assert old in text, f"{old} is not in the file"
    return text.replace(old, str(new))


def _openssl(folder, *words):
    command = [harness.program("openssl"), *(str(word) for word in words)]
    subprocess.run(command, cwd=folder, check=True, timeout=60, capture_output=True)


def make_certificates(folder):
    """ca.pem, and broker.pem with broker.key for localhost and both loopback addresses."""
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split()
    _openssl(folder, "req", "-x509", *key, *"-keyout ca.key -out ca.pem -subj /CN=lab".split())
    names = "subjectAltName = DNS:localhost, IP:::1, IP:127.0.0.1\n"
    (folder / "names").write_text(names, encoding="ascii")
    _openssl(folder, "req", *key[:-2], *"-keyout broker.key -out broker.csr -subj /CN=lab".split())
    _openssl(
        folder,
        *"x509 -req -days 2 -in broker.csr -out broker.pem -extfile names".split(),
        *"-CA ca.pem -CAkey ca.key -CAcreateserial".split(),
    )


class Broker(harness.Mosquitto):
    """users: {name: password}. bridge_to: the other Broker, as the user site1."""

    def __init__(self, scratch, name, users, bridge_to=None):
        super().__init__(scratch, name=name, listeners=False)
        self.tls_port = harness.free_port()
        self.users = users
        self.folder = scratch.path / f"{name}.d"
        (self.folder / "certs").mkdir(parents=True)
        make_certificates(self.folder / "certs")
        self._passwords()
        self._copy("hostingpi.acl")
        ports = {TLS_PORT: f"listener {self.tls_port}", PLAIN_PORT: f"listener {self.port} ::1"}
        self._copy("hostingpi.conf", ports)
        files = ["hostingpi.conf"]
        if bridge_to:
            other = {
                "ops.example.net:8883": f"::1:{bridge_to.tls_port}",
                "/etc/mosquitto/certs/ops-ca.pem": bridge_to.ca,
                "CHANGE-ME": bridge_to.users["site1"],
                "restart_timeout 2 60": "restart_timeout 1 2",
            }
            self._copy("bridge.conf", other)
            files.append("bridge.conf")
        lines = ["user root", "persistence true", f"persistence_location {self.folder}/"]
        lines += ["log_dest stderr", "log_type all"]
        lines += [(self.folder / file).read_text() for file in files]
        self.config.write_text("\n".join(lines), encoding="utf-8")

    @property
    def ca(self):
        return self.folder / "certs" / "ca.pem"

    def _passwords(self):
        file = self.folder / "hostingpi.passwd"
        file.write_text("".join(f"{user}:{word}\n" for user, word in self.users.items()))
        subprocess.run([harness.program("mosquitto_passwd"), "-U", file], check=True, timeout=60)

    def _copy(self, name, changes=()):
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        for old, new in dict(changes).items():
            text = replace(text, old, new)
        text = text.replace("/etc/mosquitto", str(self.folder))
        (self.folder / name).write_text(text, encoding="utf-8")

    def ready(self):
        return all(
            harness.can_connect(port, harness.socket.AF_INET6)
            for port in (self.port, self.tls_port)
        )

    def login(self, user):
        return ["-u", user, "-P", self.users[user]]

    def subscriber_as(self, user, *topics, options=()):
        options = [*self.login(user), *options]
        return self.subscriber(*topics, options=options, host="::1", wait=False)

    def publish_as(self, user, topic, text, *options):
        """QoS 1 over the plain listener. Ends well also where the message is refused."""
        command = [harness.program("mosquitto_pub"), "-h", "::1", "-p", str(self.port), "-q", "1"]
        command += [*self.login(user), "-t", topic, "-m", text, *options]
        return subprocess.run(command, timeout=30, check=False).returncode

    def credentials(self, user):
        """A credential_file for the agent."""
        text = f"username = {user}\npassword = {self.users[user]}\n"
        file = self.scratch.file(f"{user}.credentials", text)
        file.chmod(0o600)
        return file
