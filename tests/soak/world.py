# SPDX-License-Identifier: MIT
"""Everything that runs: the agent with all of it switched on, and those with whom it works.

Theory of operation: the process is alone in a network, a mount and a PID namespace (run.py). The
scratch folder is a tmpfs and the agent's run_dir a small one of its own, so that whatever the agent
writes to a disk is the agent's fault. It runs as nobody, because hooks are never run as root.
"""

import json
import os
import signal
import socket
import subprocess
import time

import where  # noqa: F401 (makes the lab's modules importable)
from board import Board
from harness import BUILD, Agent, Haproxy, Mosquitto, families, free_port
from ledger import Ledger, Observer
from log_servers import LoggedNginx
from post_service import Certificates, Service
from post_verifier import TOKEN
from process import LOOPBACK, program
from relay import Relay

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
USER, WATCHER = "pi", ("watcher", "sees")
HOOK = """#!/bin/sh
# What it does, a test says.
read -r line
case $(cat {mode}) in
hang) exec sleep 600 ;;
fail) echo 'no'; exit 3 ;;
esac
echo "saw $1"
"""


def mount(folder, *options):
    folder.mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "none", folder]
    subprocess.run([str(word) for word in words], check=True)


class Broker(Mosquitto):
    """Nobody comes in without a password."""

    def __init__(self, scratch):
        super().__init__(scratch)
        self.users = scratch.path / "users"
        lines = ["per_listener_settings false", "user root", "log_dest stderr"]
        lines += [f"log_type {kind}" for kind in ("error", "warning", "notice")]
        # Nothing that the observer should see is thrown away here.
        lines += ["max_queued_messages 0", "max_inflight_messages 0", "persistence false"]
        lines += ["allow_anonymous false", f"password_file {self.users}"]
        lines += [f"listener {self.port} {LOOPBACK[family]}" for family in families()]
        self.config.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def set_password(self, password):
        self.users.write_text("", encoding="ascii")
        self.users.chmod(0o600)
        for user, word in ((USER, password), WATCHER):
            command = [program("mosquitto_passwd"), "-b", self.users, user, word]
            subprocess.run(command, check=True, capture_output=True)


class SoakAgent(Agent):
    """With words in front that make it nobody's, and perhaps with a library that spoils it."""

    def __init__(self, world, preload):
        env = ["env", f"LD_PRELOAD={preload}"] if preload else []
        options = ("--root", world.board.root)
        super().__init__(world.scratch, options=options, wrapper=[*AS_NOBODY, *env])
        self.configure(world.settings())

    def text(self, *changes):
        """The configuration, with these settings instead."""
        settings = {section: dict(keys) for section, keys in self.settings.items()}
        for change in changes:
            for section, keys in change.items():
                settings.setdefault(section, {}).update(keys)
        parts = []
        for section, keys in settings.items():
            parts += [f"[{section}]", *(f"{key} = {value}" for key, value in keys.items()), ""]
        return "\n".join(parts)


class World:
    def __init__(self, scratch, interval, preload=None):
        self.scratch, self.interval = scratch, interval
        mount(scratch.path, "size=1g", "mode=0755")
        self.board = Board(scratch)
        self.ledger = Ledger()
        self.observers = 0
        self.stops = []  # [begin, end] in milliseconds since 1970: the agent was stopped
        self.late = []  # (milliseconds since 1970, how many late this program was)
        self.counts = {}  # what the load did, by name
        self.password = "first"
        self.broker = Broker(scratch)
        self.broker.set_password(self.password)
        self.broker.start()
        self.observe()
        self.relay_port = free_port()
        self.relay = Relay(self.relay_port, self.broker.port)
        self.nginx = LoggedNginx(scratch).start()
        self._show_log()
        self._make_service()
        self._make_hook()
        self.agent = SoakAgent(self, preload)
        mount(self.agent.run_dir, "size=4m", "mode=0755", f"uid={NOBODY}", f"gid={NOBODY}")
        self.agent.start()
        self.board.kmsg.open()
        server = {"name": "pi1", "port": self.nginx.port, "agent_port": self.agent.agent_port}
        self.haproxy = Haproxy(scratch, [{**server, "agent_send": "lb1/pool"}]).start()

    def _show_log(self):
        """Below the board's root as well, where the agent looks for it."""
        self.log_path = "/var/log/nginx/access.log"
        place = self.board.root / "var/log/nginx"
        place.mkdir(parents=True)
        subprocess.run(["mount", "--bind", self.nginx.folder, place], check=True)

    def _make_service(self):
        certificates = Certificates(self.scratch)
        family = families()[0]
        listener = socket.create_server((LOOPBACK[family], 0), family=family)
        names = [f"IP:{address}" for address in LOOPBACK.values()]
        self.service = Service(certificates.context(",".join(names))).listen(listener)
        host = "[::1]" if family == socket.AF_INET6 else "127.0.0.1"
        self.service_url = f"https://{host}:{listener.getsockname()[1]}"
        self.authority = certificates.ca

    def _make_hook(self):
        self.hook_mode = self.scratch.file("hook.mode", "well")
        self.hook = self.scratch.file("hook", HOOK.format(mode=self.hook_mode))
        self.hook.chmod(0o755)

    def secret(self, name, **values):
        path = self.scratch.file(name, "".join(f"{k} = {v}\n" for k, v in values.items()))
        path.chmod(0o600)
        os.chown(path, NOBODY, NOBODY)
        return path

    def say_password(self):
        return self.secret("mqtt.credentials", username=USER, password=self.password)

    def settings(self):
        post = {"service": "mastodon", "min_gap": "0ms", "max_per_day": 1000, "timeout": "5s"}
        return {
            "agent": {"interval": self.interval},
            "sdcard": {"stall_after": "2s"},
            "requests": {
                "source": "nginx",
                "url": self.nginx.status_url(),
                "interval": "500ms",
            },
            "mqtt": {
                "host": "::1",
                "port": self.relay_port,
                "credential_file": self.say_password(),
                "reconnect_max": "1s",
                "history_rate": 100,
            },
            "post": {**post, "program": self.poster()},
            "mastodon": {
                "url": self.service_url,
                "credential_file": self.secret("post.credentials", access_token=TOKEN),
                "ca_file": self.authority,
            },
            "nat64": {"prefix": "none"},
            "hook": {"program": self.hook, "timeout": "2s"},
        }

    @staticmethod
    def poster():
        return BUILD / "hostingpi-post"

    def ctl(self, *words, timeout=20):
        """hostingpictl, to its end; the exit code, or None when it took too long."""
        socket_path = self.agent.run_dir / "control.sock"
        command = [BUILD / "hostingpictl", "--socket", socket_path, *words]
        try:
            done = subprocess.run(
                [str(word) for word in command],
                **{"capture_output": True, "timeout": timeout, "check": False},
            )
        except subprocess.TimeoutExpired:
            return None
        return done.returncode

    def count(self, name, number=1):
        self.counts[name] = self.counts.get(name, 0) + number

    # The broker

    def observe(self):
        self.observers += 1
        login = ["-u", WATCHER[0], "-P", WATCHER[1], "-k", "600"]
        name = f"observer{self.observers}"
        self.observer = Observer(self.scratch, name, self.broker.port, login, self.ledger).start()

    def broker_down(self):
        self.relay.set("closed", cut=False)
        self.broker.kill()
        self.observer.close()

    def broker_up(self):
        self.broker.start()
        self.observe()
        self.relay.set("open", cut=False)

    # The agent

    def stop_agent(self):
        self.stops.append([time.time() * 1000, float("inf")])
        os.kill(self.agent.pid, signal.SIGSTOP)

    def cont_agent(self):
        os.kill(self.agent.pid, signal.SIGCONT)
        self.stops[-1][1] = time.time() * 1000

    def complaints(self):
        """What is not well, as a list of texts."""
        if not self.agent.alive():
            return [f"the agent ended with {self.agent.popen.returncode}"]
        try:
            status = self.agent.status()
            return [*self._of_status(status), *self._of_others()]
        except (OSError, ValueError, KeyError) as error:
            return [f"{type(error).__name__}: {error}"]

    @staticmethod
    def _of_status(status):
        found = []
        decision, told = status["decision"], status["notifiers"]
        mqtt, post, state = told["mqtt"], told["post"], status["state"]
        if (decision["state"], decision["weight"]) != ("normal", 100) or decision["drain"]:
            found.append(f"{decision['state']}, weight {decision['weight']}: {decision['reason']}")
        if not mqtt["connected"]:
            found.append(f"broker: {mqtt['state']}, {mqtt['last_error']}")
        elif mqtt["waiting"]:
            found.append(f"{mqtt['waiting']} messages wait for the broker")
        # After the card has failed nothing is posted for some minutes.
        free = "next_attempt" not in post and "storage" not in (post["why_waiting"] or "")
        if post.get("waiting") and free:
            found.append(f"{post['waiting']} posts wait: {post['why_waiting']}")
        for name in ("requests_total", "requests_s"):
            if name not in state.get("web", {}):
                found.append(f"web.{name}: {state['unknown'].get(f'web.{name}')}")
        for name in ("temp_c", "undervoltage", "freq_hz", "throttled"):
            if name not in state.get("soc", {}):
                found.append(f"soc.{name}: {state['unknown'].get(f'soc.{name}')}")
        return found

    def _of_others(self):
        found = []
        if self.haproxy.weight("pi1") != 100 or self.haproxy.status("pi1") != "UP":
            found.append(f"HAProxy: {self.haproxy.status('pi1')}, {self.haproxy.weight('pi1')}")
        folder = self.agent.run_dir
        found += [f"{name} is in run_dir" for name in ("soft", "hard") if (folder / name).exists()]
        if json.loads((folder / "state").read_text())["state"] != "normal":
            found.append("the file state says otherwise")
        return found

    def wait_well(self, seconds):
        """True when all was well at one moment."""
        deadline = time.monotonic() + seconds
        while self.complaints():
            if time.monotonic() > deadline or not self.agent.alive():
                return False
            time.sleep(0.05)
        return True

    def end(self):
        """SIGTERM; the exit code of the agent."""
        return self.agent.term()

