# SPDX-License-Identifier: MIT
"""Who looks at an agent that is restarted: HAProxy's own view, and callers back to back.

Theory of operation: each is a thread that looks as often as it can until end(); everything different that
it saw is kept once, so that a test can say "only this, all the time"."""

import contextlib
import http.client
import threading
import time

import harness


class Watcher(threading.Thread):
    """What HAProxy thinks of "pi", each time that it is another thing."""

    KEYS = ("status", "agent_status", "check_status", "chkfail", "weight", "slim")

    def __init__(self, haproxy):
        super().__init__(daemon=True)
        self.haproxy = haproxy
        self.over = threading.Event()
        self.seen = {key: set() for key in self.KEYS}
        self.longest_ms = 0  # of its checks, both kinds
        self.start()

    def run(self):
        while not self.over.is_set():
            row = self.haproxy.stat()["pool", "pi"]
            for key in self.KEYS:
                self.seen[key].add(row[key].removeprefix("* "))
            for kind in ("agent_duration", "check_duration"):
                self.longest_ms = max(self.longest_ms, int(row[kind] or 0))
            time.sleep(0.005)

    def end(self):
        self.over.set()
        self.join()
        return self.seen


class Prober(threading.Thread):
    """Calls back to back, each as HAProxy does; what was answered and how long it took at most."""

    def __init__(self, agent, family):
        super().__init__(daemon=True)
        self.agent, self.family = agent, family
        self.over = threading.Event()
        self.lines, self.failed, self.longest_s = set(), [], 0.0
        self.start()

    def ask(self):
        return self.agent.agent_check(self.family).partition(" # ")[0]

    def run(self):
        while not self.over.is_set():
            begin = time.monotonic()
            try:
                line = self.ask()
                if line:
                    self.lines.add(line)
                else:
                    self.failed.append("an empty answer")
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(str(error))
            self.longest_s = max(self.longest_s, time.monotonic() - begin)

    def end(self):
        self.over.set()
        self.join()


class HttpProber(Prober):
    """The same with GET /health; what it says is put as agent-check says it."""

    def ask(self):
        address = (harness.LOOPBACK[self.family], self.agent.http_port)
        with contextlib.closing(http.client.HTTPConnection(*address, timeout=10)) as connection:
            connection.request("GET", "/health", headers={"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
        words = [answer.getheader(f"X-Hostingpi-{name}") for name in ("Weight", "Maxconn")]
        word = "up" if answer.status == 200 else answer.status
        return f"{word} {words[0]}% maxconn:{words[1]}"
