# SPDX-License-Identifier: MIT
"""Those who ask all the time: a monitor, Prometheus, visitors, watchers, and people who post.

Theory of operation: a thread each, from the start to the end, with a generator of random numbers of its
own. What fails is counted and judges nothing: faults are meant to be seen here.
"""

import contextlib
import http.client
import random
import signal
import subprocess
import threading
import time

import where  # noqa: F401 (makes the lab's modules importable)
from harness import BUILD
from process import LOOPBACK, families

PAGES = ("/metrics", "/status.json", "/", "/metrics", "/?format=text", "/health?soft=404")
BEAT_S, LATE_S = 0.05, 0.2


class Load:
    def __init__(self, world, seed, post_every_s):
        self.world, self.seed, self.post_every_s = world, seed, post_every_s
        self.over = threading.Event()
        self.threads = []
        works = (self.monitor, self.prometheus, self.visitors, self.watchers, self.posts)
        for work in (*works, self.metronome):
            random_numbers = random.Random(f"{seed} {work.__name__}")
            thread = threading.Thread(target=self._run, args=(work, random_numbers), daemon=True)
            self.threads.append(thread)

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(20)

    def _run(self, work, rng):
        while not self.over.is_set():
            try:
                work(rng)
            except (OSError, http.client.HTTPException):
                self.world.count(f"{work.__name__} failed")
                self.over.wait(0.2)

    def _get(self, connection, path):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def _connect(self, family, port, seconds=5):
        connection = http.client.HTTPConnection(LOOPBACK[family], port, timeout=seconds)
        return contextlib.closing(connection)

    def monitor(self, _rng):
        """/health ten times a second on one connection, as a load balancer does."""
        with self._connect(families()[0], self.world.agent.http_port) as connection:
            while not self.over.wait(0.1):
                self.world.count(f"health {self._get(connection, '/health')}")

    def prometheus(self, rng):
        """All other pages, on connections of their own and both families."""
        while not self.over.wait(0.5):
            with self._connect(rng.choice(families()), self.world.agent.http_port) as connection:
                status = self._get(connection, rng.choice(PAGES))
                self.world.count(f"pages {status}")

    def visitors(self, rng):
        """Through HAProxy to nginx."""
        while not self.over.wait(rng.uniform(0.02, 0.2)):
            with self._connect(rng.choice(families()), self.world.haproxy.port) as connection:
                self.world.count(f"visitors {self._get(connection, '/index.html')}")

    def metronome(self, _rng):
        """How late this program itself is: then so may be the agent, and the machine is to blame."""
        while True:
            before = time.monotonic()
            if self.over.wait(BEAT_S):
                return
            late = time.monotonic() - before - BEAT_S
            if late > LATE_S:
                self.world.late.append((time.time() * 1000, round(late * 1000)))

    def watchers(self, rng):
        """hostingpictl that comes, looks and goes, or is killed."""
        commands = (["watch"], ["watch"], ["watch", "--json"], ["status"], ["events"], ["history"])
        socket_path = self.world.agent.run_dir / "control.sock"
        while not self.over.wait(rng.uniform(0.1, 1)):
            words = [BUILD / "hostingpictl", "--socket", socket_path, *rng.choice(commands)]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            popen = subprocess.Popen([str(word) for word in words], **quiet)
            try:
                popen.wait(rng.uniform(0.3, 4))
            except subprocess.TimeoutExpired:
                popen.send_signal(rng.choice((signal.SIGTERM, signal.SIGKILL)))
                popen.wait()
            self.world.count("watchers")

    def posts(self, _rng):
        while not self.over.wait(self.post_every_s):
            text = f"soak {self.world.counts.get('posts 0', 0)} {time.time():.3f}"
            self.world.count(f"posts {self.world.ctl('post', text)}")
