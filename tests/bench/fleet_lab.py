# SPDX-License-Identifier: MIT
"""A fleet of simulated agents (fleet.c), one subscriber (fleet_watch.c), and what they wrote down."""

import collections
import json
import resource
import struct
import time

import where  # noqa: F401 (makes the lab's modules importable)
from harness import BUILD, REPO, Agent, Mosquitto, Nginx
from process import Process, wait_until

STATE, HISTORY, DIAL, UP, LOST = range(5)  # enum fleet_kind
RECORD = struct.Struct("<qiIIHBx")  # struct fleet_record
FIXTURE = REPO / "tests" / "roots" / "pi4"
MODEL_ID = "fleet-0000"
SYS = {
    "messages_in": "$SYS/broker/publish/messages/received",
    "messages_out": "$SYS/broker/publish/messages/sent",
    "bytes_in": "$SYS/broker/bytes/received",
    "bytes_out": "$SYS/broker/bytes/sent",
}

Record = collections.namedtuple("Record", "at_us value_us seq size agent kind")


class Broker(Mosquitto):
    """A broker that does not write a line for each message, as in the field."""

    def __init__(self, scratch, extra=(), name="mosquitto"):
        super().__init__(scratch, ["sys_interval 1", *extra], name)
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace("log_type all", "log_type error"), encoding="utf-8")


class Recorder(Process):
    """A program that appends records to a file."""

    def __init__(self, scratch, name):
        super().__init__(scratch, name)
        self.output = scratch.path / f"{name}.records"
        self.records = []
        self.used = 0

    def spawn(self, **pipes):
        for path in (self.output, self.log):  # of one before us with the same name
            path.unlink(missing_ok=True)
        return super().spawn(**pipes)

    def ready(self):
        return self.output.exists()

    def read(self):
        """All records so far."""
        with open(self.output, "rb") as file:
            file.seek(self.used)
            data = file.read()
        whole = len(data) - len(data) % RECORD.size
        self.records += map(Record._make, RECORD.iter_unpack(data[:whole]))
        self.used += whole
        return self.records

    def select(self, kind, since_us=0, until_us=1 << 62):
        return [r for r in self.read() if r.kind == kind and since_us <= r.at_us < until_us]


class Watch(Recorder):
    def __init__(self, scratch, port, name="watch"):
        super().__init__(scratch, name)
        self.port = port

    def argv(self):
        return [BUILD / "bench" / "fleet_watch", self.port, self.output]

    def subscriptions(self):
        """How often it has subscribed, over all connections."""
        return len(self.select(UP))

    def ready(self):
        return super().ready() and self.subscriptions() > 0


class Fleet(Recorder):
    """documents: files of recorded messages, the state first (record_messages)."""

    def __init__(self, scratch, port, agents, documents, law="ours", phases="spread", rate=10):
        super().__init__(scratch, "fleet")
        self.agents = agents
        self.words = [port, agents, self.output, law, phases, rate, *documents]

    def argv(self):
        return [BUILD / "bench" / "fleet", *self.words]

    def back(self, since_us=0):
        """When each agent came up for the first time since then, in order."""
        first = {}
        for record in self.select(UP, since_us):
            first.setdefault(record.agent, record.at_us)
        return sorted(first.values())

    def wait_up(self, since_us=0, timeout=150):
        wait_until(
            lambda: len(self.back(since_us)) == self.agents,
            timeout,
            what=f"{self.agents} connections",
            pause=0.2,
        )


class Stage:
    """A broker of its own, a subscriber and a fleet; with counters of the broker if asked."""

    def __init__(self, scratch, agents, documents, counters=False, **fleet):
        self.broker = Broker(scratch).start()
        self.counters = self.broker.subscriber(*SYS.values()) if counters else None
        self.watch = Watch(scratch, self.broker.port).start()
        self.fleet = Fleet(scratch, self.broker.port, agents, documents, **fleet).start()
        self.fleet.wait_up()

    def count(self):
        """The broker's counters and when they were told."""
        with self.counters.changed:
            newest = {topic: (at, text) for at, topic, text in self.counters.messages}
        return {name: (newest[topic][0], int(newest[topic][1])) for name, topic in SYS.items()}

    def close(self):
        for process in (self.fleet, self.watch, self.counters, self.broker):
            if process:
                process.close()


def now_us():
    return time.time_ns() // 1000


def raise_limit():
    """The broker has a descriptor per agent, and inherits our limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def record_messages(scratch):
    """What a real agent of the fixture publishes: files with a topic and a document, state first.

    A web server is there, as on the machines that this is for."""
    web = Nginx(scratch, name="model-web").start()
    broker = Broker(scratch, name="model-broker").start()
    every = broker.subscriber("hostingpi/#", "homeassistant/#")
    config = {
        "agent": {"id": MODEL_ID},
        "mqtt": {"host": "::1", "port": broker.port},
        "requests": {"url": web.status_url()},
    }
    agent = Agent(scratch, config, name="model", options=("--root", FIXTURE)).start()
    is_state = lambda topic: topic.endswith("/state")
    # Rates need two readings, some values more.
    every.wait_for(
        lambda topic, text: is_state(topic) and json.loads(text)["seq"] >= 8, what="eight samples"
    )
    with every.changed:
        newest = {topic: text for _, topic, text in every.messages}
    agent.close()
    broker.close()
    web.close()
    state = next(topic for topic in newest if is_state(topic))
    others = [topic for topic in newest if not topic.endswith(("/state", "/event", "/history"))]
    return [
        scratch.file(f"document{number}", f"{topic}\n{newest[topic]}")
        for number, topic in enumerate([state, *others])
    ]
