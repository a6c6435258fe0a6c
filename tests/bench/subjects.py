# SPDX-License-Identifier: MIT
"""The programs that are compared, and the servers they need; all in one scratch folder.

Theory of operation: one broker (plain and TLS), one web server with a status page and one balancer
serve all subjects, so that they run side by side and in the same seconds. The agent's variants
differ in their configuration only. collectd gets the plugins that read what the agent reads, at one
second, and publishes to the same broker; its threads and caches are left at their defaults.
"""

import time

import where  # noqa: F401 (makes the lab's modules importable)
from harness import BUILD, Agent, Haproxy, Mosquitto, Nginx
from meter import run
from process import Process, free_port, program

SETTLE_S = 3.0  # first samples, connections, a page or two of memory
COLLECTD_PLUGINS = "memory swap disk interface thermal sensors nginx mqtt".split()
TYPES_DB = "/usr/share/collectd/types.db"


class Bare(Process):
    """bare.c, with the words that tell it what to do."""

    def __init__(self, scratch, *words, name="bare"):
        super().__init__(scratch, name)
        self.words = words

    def argv(self):
        return [BUILD / "bench" / "bare", *self.words]

    def late_ms(self):
        """Ends a reader; returns how late its timer was at worst."""
        self.term()
        return int(self.tail().split()[1]) / 1000


class Idle(Process):
    """The agent's libraries, initialised and idle (idle.c)."""

    def argv(self):
        return [BUILD / "bench" / "idle"]


class Collectd(Process):
    def __init__(self, scratch, broker_port, status_url, name="collectd", host="127.0.0.1"):
        super().__init__(scratch, name)
        folder = scratch.path / f"{name}.d"
        folder.mkdir(exist_ok=True)
        load = "\n".join(f"LoadPlugin {plugin}" for plugin in COLLECTD_PLUGINS)
        self.config = scratch.file(
            f"{name}.conf",
            f'Hostname "bench"\nFQDNLookup false\nInterval 1\nBaseDir "{folder}"\n'
            f'PIDFile "{folder}/pid"\nTypesDB "{TYPES_DB}"\n{load}\n'
            f'<Plugin nginx>\nURL "{status_url}"\n</Plugin>\n'
            f'<Plugin mqtt>\n<Publish "bench">\nHost "{host}"\n'
            f"Port {broker_port}\n</Publish>\n</Plugin>\n",
        )

    def argv(self):
        return ["collectd", "-f", "-C", self.config]


def make_certificates(scratch):
    """A throw-away authority and a certificate of it for localhost; False without openssl."""
    if program("openssl") is None:
        return False
    folder = scratch.path / "tls"
    folder.mkdir()
    name = lambda suffix: str(folder / suffix)
    common = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    common += ["-nodes", "-days", "2"]
    run(*common, "-keyout", name("ca.key"), "-out", name("ca.pem"), "-subj", "/CN=bench CA")
    run(
        *common, "-keyout", name("key.pem"), "-out", name("cert.pem"), "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
        "-CA", name("ca.pem"), "-CAkey", name("ca.key"),
    )  # fmt: skip
    return True


class Stage:
    """Servers and subjects. agents: {what: Agent}, in the order of the report."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.skipped = []
        self.nginx = Nginx(scratch).start()
        self._start_broker()
        self.agents = {}
        web = {"url": self.nginx.status_url()}
        plain = {"host": "127.0.0.1", "port": self.broker.port}
        self._add("hostingpid, everything on", mqtt=plain, requests=web)
        if self.tls:
            self._add("hostingpid, broker over TLS", mqtt=self.tls, requests=web)
        self._add("hostingpid, no MQTT", requests=web)
        self._add("hostingpid, readings only", requests={"source": "none"})
        self.bare_port = free_port()
        ports = [agent.agent_port for agent in self.agents.values()][:-1] + [self.bare_port]
        self.haproxy = Haproxy(scratch, [self._server(port) for port in ports])

    def _server(self, agent_port):
        page = self.nginx.page_ports[0]
        return {"name": f"pi{agent_port}", "port": page, "agent_port": agent_port}

    def _start_broker(self):
        extra, self.tls = [], None
        if make_certificates(self.scratch):
            port, folder = free_port(), self.scratch.path / "tls"
            extra = [f"listener {port} 127.0.0.1", f"listener {port} ::1"]
            files = [f"certfile {folder}/cert.pem", f"keyfile {folder}/key.pem"]
            extra = [extra[0], *files, extra[1], *files]
            self.tls = {"host": "localhost", "port": port, "ca_file": folder / "ca.pem"}
        else:
            self.skipped.append("broker over TLS: openssl is not installed")
        # Two listeners: the other subjects shall not pay for the log of each message.
        self.broker = Mosquitto(self.scratch, extra=[*extra, "log_type error"]).start()

    def _add(self, what, **config):
        name = f"agent{len(self.agents)}"
        config["agent"] = {"id": name}
        self.agents[what] = Agent(self.scratch, config, name=name)

    def start_agents(self):
        for agent in self.agents.values():
            agent.start()
        self.haproxy.start()

    def others(self, files):
        """{what: Process}, not started yet."""
        ports = self.bare_port, self.nginx.status_port, self.broker.port
        found = {
            "bare reader of the same files": Bare(self.scratch, "read", *files),
            "bare reader that talks as much": Bare(
                self.scratch, "all", *ports, *files, name="bare-all"
            ),
            "the libraries, idle": Idle(self.scratch, "idle"),
        }
        if program("collectd"):
            found["collectd"] = Collectd(
                self.scratch, self.broker.port, self.nginx.status_url()
            )
        else:
            self.skipped.append("collectd is not installed")
        return found

    @staticmethod
    def settle(seconds=SETTLE_S):
        time.sleep(seconds)

