# SPDX-License-Identifier: MIT
"""The stage of the demonstration: all daemons, the load, the pressure, and what they say.

Theory of operation: everything lives in one scratch folder and listens on loopback. What this
machine says is taken from the broker only, what the balancer does from HAProxy's runtime socket
only: the picture shows the whole way, not what the agent believes. The pressure is small, so the
reserve is scaled until this much memory is most of the budget:

    headroom at start = reserve + MARGIN x pressure,   cap x worker size = pressure

While the pressure grows, what it will take next counts as well, and the weight falls. When it has
all, that was taken from the reserve, which is there for such jobs, and the weight comes back. With
MARGIN 1.3 other programs may take 0.35 of it before the weight drops below 95 %. Where they move
more than DRIFT while no pressure is on, the reserve is scaled anew (with SIGHUP), and that is said.
"""

import collections
import contextlib
import http.client
import json
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

import harness
import pressure

CAP = 32
MARGIN = 1.3
DRIFT = 0.2
SETTLE_S = 2  # after a change, until a reading surely has seen it
GROW_S = 4  # the pressure takes its memory within this time
REQUESTS_S = 6
HORIZON = "2s"  # the budget is small here: looking 10 s ahead, every compiler run would fill it
ID = "demo"


class Pressure(harness.Process):
    """The child that holds memory."""

    def __init__(self, scratch, size):
        super().__init__(scratch, "pressure")
        self.size = size

    def argv(self):
        return [sys.executable, "-B", pressure.__file__, self.size, self.size // GROW_S]


class Load:
    """A gentle stream of requests through the balancer; counts who answered."""

    def __init__(self, port):
        self.port = port
        self.recent = collections.deque(maxlen=10 * REQUESTS_S)
        self.failed = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.ended.set()

    def _run(self):
        host = harness.LOOPBACK[harness.families()[0]]
        while not self.ended.wait(1 / REQUESTS_S):
            try:
                connection = http.client.HTTPConnection(host, self.port, timeout=5)
                with contextlib.closing(connection):
                    connection.request("GET", "/")
                    answer = connection.getresponse()
                    name = answer.read().decode().strip() if answer.status == 200 else ""
            except (OSError, http.client.HTTPException):
                name = ""
            self.failed += not name
            self.recent.append(name)

    def shares(self):
        """{server: percent of the last 10 s}."""
        recent = [name for name in list(self.recent) if name]
        counts = collections.Counter(recent)
        return {name: 100 * count / len(recent) for name, count in counts.items()}


class Refusal(Exception):
    """The demonstration is not possible here; the message says why."""


class Stage:
    def __init__(self):
        self.size = pressure.safe_size()
        if not self.size:
            raise Refusal(
                f"only {pressure.available() // pressure.MIB} MiB of memory are available, and the "
                f"demonstration wants {10 * pressure.LEAST // pressure.MIB}: close something first"
            )
        if not harness.families():
            raise Refusal("the loopback interface is down here: neither ::1 nor 127.0.0.1 answers")
        missing = [name for name in ("hostingpid", "hostingpictl") if not self._built(name)]
        if missing:
            raise Refusal(f"{', '.join(missing)} not built in {harness.BUILD}: type make")
        self.scratch = harness.Scratch("hostingpi-demo-")
        self.pressure = Pressure(self.scratch, self.size)
        self.load = None
        self.documents = {}
        self.seen = 0
        self.pressed = False
        self.changed = time.monotonic()
        self.transitions = collections.deque(maxlen=100)

    @staticmethod
    def _built(name):
        return (harness.BUILD / name).exists()

    def start(self):
        """Starts everything; generates the name of what comes next."""
        yield "broker"
        self.broker = harness.Mosquitto(self.scratch).start()
        host = harness.LOOPBACK[harness.families()[0]]
        self.subscriber = self.broker.subscriber(host=host)
        yield "web server"
        self.web = harness.Nginx(self.scratch, pages=("pi\n", "other\n")).start()
        yield "agent"
        self.agent = harness.Agent(self.scratch, self._agent_config(host))
        self._scale_reserve()
        self.agent.start()
        yield "balancer"
        servers = [
            {"name": "pi", "port": self.web.page_ports[0], "agent_port": self.agent.agent_port},
            {"name": "other", "port": self.web.page_ports[1]},
        ]
        servers[0]["maxconn"] = 64
        self.haproxy = harness.Haproxy(self.scratch, servers).start()
        self.daemons = [self.broker, self.subscriber, self.web, self.agent, self.haproxy]
        self.load = Load(self.haproxy.port)
        self.load.start()

    def _agent_config(self, host):
        status = self.web.status_url(harness.families()[0])
        return {
            "agent": {"id": ID},
            "control": {"worker_size": self.size // CAP, "cap": CAP, "horizon": HORIZON},
            "mqtt": {"host": host, "port": self.broker.port},
            "requests": {"source": "nginx", "url": status},
        }

    def _scale_reserve(self):
        command = [str(word) for word in self.agent.argv()] + ["--once", "--json"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20)
        try:
            self.headroom = json.loads(answer.stdout)["mem"]["headroom_bytes"]
        except (ValueError, KeyError):
            raise harness.LabError(f"hostingpid --once: {answer.stdout}{answer.stderr}") from None
        if self.headroom < (MARGIN + 1) * self.size:
            raise Refusal("too little memory is free of other programs here for a demonstration")
        self._set_reserve()

    def _set_reserve(self):
        self.reserve = int(self.headroom - MARGIN * self.size)
        self.agent.configure({"control": {"reserve": self.reserve}})
        self.changed = time.monotonic()

    def settled(self):
        """Whether there is a reading that is newer than the last change."""
        when, _ = self.documents.get("state", (0, {}))
        return when >= self.changed + SETTLE_S

    def follow_others(self):
        """Scales the reserve anew if other programs moved much memory; returns a sentence, or None.

        Only without pressure, and on a reading that is newer than the last change."""
        if self.pressed and not self.pressure.alive():
            self.release()
            return "the pressure was ended by somebody else"
        _, state = self.documents.get("state", (0, {}))
        headroom = state.get("mem", {}).get("headroom_bytes")
        if self.pressed or headroom is None or not self.settled():
            return None
        moved = headroom - self.headroom
        if abs(moved) < DRIFT * self.size or headroom < (MARGIN + 1) * self.size:
            return None
        self.headroom = headroom
        self._set_reserve()
        self.agent.reload()
        verb = "took" if moved < 0 else "gave back"
        return f"other programs {verb} {abs(moved) // pressure.MIB} MiB: reserve scaled anew"

    def check(self):
        """Raises if one of the daemons is gone."""
        for daemon in self.daemons:
            if not daemon.alive():
                code = daemon.popen.returncode
                raise harness.LabError(f"{daemon.name} ended with {code}\n{daemon.tail()}")

    def press(self):
        """Puts the pressure on."""
        self.pressure.start()
        self.pressed = True

    def release(self):
        """Takes it off; the memory is free when this returns."""
        self.pressure.close()
        self.pressed = False
        self.changed = time.monotonic()

    def operator(self, verb):
        """hostingpictl drain or ready; returns what it said."""
        command = [harness.BUILD / "hostingpictl", "--socket", self.agent.run_dir / "control.sock"]
        answer = subprocess.run([*command, verb], capture_output=True, text=True, timeout=20)
        if answer.returncode:
            raise harness.LabError(f"hostingpictl {verb}: {answer.stdout}{answer.stderr}")
        return answer.stdout.strip()

    def read_messages(self):
        """Takes in what arrived over MQTT: the newest document of each topic, and transitions."""
        with self.subscriber.changed:
            fresh = self.subscriber.messages[self.seen :]
            self.seen += len(fresh)
        for when, topic, payload in fresh:
            name = topic.rpartition("/")[2]
            try:
                document = json.loads(payload)
            except ValueError:
                document = payload
            self.documents[name] = (when, document)
            if name == "event":
                self.transitions.append((time.time(), str(document.get("text", payload))))
        return len(fresh)

    def document(self, name):
        """(age in seconds, newest document) of a topic; (None, {}) before the first."""
        if name not in self.documents:
            return None, {}
        when, document = self.documents[name]
        return time.monotonic() - when, document

    def balancer_view(self):
        """HAProxy's own words about both servers."""
        state, stat = self.haproxy.servers_state(), self.haproxy.stat()
        shares = self.load.shares()
        rows = []
        for name in ("pi", "other"):
            row = stat["pool", name]
            rows.append(
                {
                    "name": name,
                    "weight": int(state[name]["srv_uweight"]),
                    "maxconn": row["slim"] or "-",
                    "status": row["status"],
                    "agent": row.get("agent_status") or "-",
                    "share": shares.get(name, 0.0),
                }
            )
        return rows

    def close(self):
        """Ends everything and removes the folder. The agent goes first: it says goodbye."""
        if self.load:
            self.load.stop()
        self.pressure.close()
        if hasattr(self, "agent"):
            self.agent.close()
        self.scratch.close()
