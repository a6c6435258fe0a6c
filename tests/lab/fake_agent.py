# SPDX-License-Identifier: MIT
"""A stand-in for the agent's control socket, whose answers a test (or a picture) can set.

Theory of operation: answers are the documents of the control socket (agent/control.h) for a Pi whose
story is made up here: an hour in which a file synchronisation took memory, so that the Pi shed load
and recovered. Everything is a function of the step's number, so that each run shows the same.
"""

import contextlib
import json
import math
import os
import socket
import threading

MIB = 1 << 20
START_MS = 1_763_650_931_000  # 20 November 2025, 15:02:11 UTC
STEPS = {"hour": (10, 360), "day": (300, 288)}


def dip(at, middle, width):
    """0, and 1 at middle."""
    return math.exp(-(((at - middle) / width) ** 2))


def wave(at, length):
    return math.sin(at / length) * 0.6 + math.sin(at / length * 2.7) * 0.4


CURVES = {
    "mem.headroom_bytes": lambda at: (470 - 270 * dip(at, 1.0, 0.08) + 18 * wave(at, 0.02)) * MIB,
    "mem.reserve_bytes": lambda at: 276 * MIB,
    "mem.available_bytes": lambda at: (560 - 270 * dip(at, 1.0, 0.08)) * MIB,
    "lb.weight": lambda at: 100 - 55 * dip(at, 1.0, 0.04) ** 2,
    "web.requests_s": lambda at: max(0.0, 31 + 9 * wave(at, 0.05) - 17 * dip(at, 1.0, 0.05)),
    "web.busy_workers": lambda at: max(0.0, 5 + 2 * wave(at, 0.04) - dip(at, 1.0, 0.05)),
    "soc.temp_c": lambda at: 52.5 + 7 * at + 1.5 * wave(at, 0.07),
    "sd.write_latency_ms": lambda at: 4 + 3 * abs(wave(at, 0.01)) + 90 * dip(at, 0.56, 0.02),
    "swap.out_bytes_s": lambda at: 0,
}


def course(series, span):
    step_s, steps = STEPS[span]
    means = [CURVES[series](i / (steps - 1)) for i in range(steps)]
    if span == "day":  # the agent was started seven hours ago
        means[: steps * 17 // 24] = [None] * (steps * 17 // 24)

    most = 100 if series == "lb.weight" else math.inf

    def part(factor):
        return [None if mean is None else min(most, round(mean * factor, 3)) for mean in means]

    return {
        "series": series,
        "span": span,
        "step_s": step_s,
        "steps": steps,
        "ts": START_MS,
        "least": part(0.99),
        "mean": part(1),
        "most": part(1.01),
    }


def status(ago=0):
    """The document, ago seconds before the last one."""
    now = {name: curve(1 - ago / 3600) for name, curve in CURVES.items()}
    ts = START_MS - ago * 1000
    state = {"ts": ts, "seq": 77, "interval_ms": 1000}
    for name, value in now.items():
        group, field = name.split(".")
        state.setdefault(group, {})[field] = round(value, 3)
    state["mem"] |= {"total_bytes": 921 * MIB, "headroom_bytes": int(now["mem.headroom_bytes"])}
    state["soc"] |= {"freq_hz": 1_500_000_000, "undervoltage_since_boot": True}
    state["swap"] |= {"kind": "disk", "total_bytes": 100 * MIB, "used_bytes": 0}
    state["swap"] |= {"in_bytes_s": 0, "read_errors": 0, "write_errors": 0, "oom_kills": 0}
    state["sd"] |= {"device": "mmcblk0", "health": "good", "write_bytes_s": 123_456}
    state["web"] |= {"source": "http://[::1]/server-status?auto", "idle_workers": 3}
    state["web"] |= {"errors_5xx_s": 0, "worker_bytes": 24 * MIB, "requests_s": 22.4}
    state["web"]["busy_workers"] = 5
    state["net"] = {"rx_bytes_s": 48_200, "tx_bytes_s": 991_000}
    state["lb"] |= {"weight": 45, "maxconn": 6, "state": "shed", "balancers": 2}
    state["self"] = {"rss_bytes": 5 * MIB, "cpu_ms_s": 0.71, "loop_late_ms": 0.2}
    state["unknown"] = {"sd.life_used_ratio": "not applicable: only an eMMC tells it"}
    state["unknown"]["mem.psi_some_ratio"] = "PSI is off: add psi=1 to the kernel command line"
    decision = {"weight": 45, "maxconn": 6, "state": "shed", "reason": "memory low"}
    decision |= {"since": START_MS - 200_000, "capacity": 12, "nominal": 26, "balancers": 2}
    decision |= {"drain": False, "headroom_bytes": state["mem"]["headroom_bytes"]}
    decision["time_to_swap_s"] = 81.2
    balancers = [
        {"by": "haproxy", "name": "lb1/pis", "address": "2001:db8::1", "interval_ms": 500},
        {"by": "haproxy", "name": "lb2/pis", "address": "192.0.2.9", "interval_ms": 500},
    ]
    for number, balancer in enumerate(balancers):
        balancer["seen_s"] = 0.2 + number / 10
    return {
        "id": "pi-attic",
        "version": "1.0",
        "ts": ts,
        "started": START_MS - 7 * 3_600_000,
        "dry_run": False,
        "state": state,
        "decision": decision,
        "notifiers": {
            "haproxy": {"listen": ["[::]:9777", "0.0.0.0:9777"], "failed": []},
            "mqtt": {"configured": True, "connected": True, "broker": "broker.example.net:8883"},
        },
        "balancers": balancers,
        "config": {"path": "/etc/hostingpi/hostingpi.conf"},
    }


def events():
    rows = [
        (200, "state", "warning", "normal -> shed: memory low, weight 70 %"),
        (1520, "undervoltage", "warning", "under-voltage: the supply is too weak, or its cable"),
        (1524, "undervoltage", "info", "the voltage is right again"),
        (9000, "state", "info", "recover -> normal: everything fits"),
        (9100, "sd-stall", "critical", "the card took 10.6 s for a write: it may be dying"),
        (25200, "start", "info", "hostingpid 1.0 was started"),
    ]
    listed = [
        {"ts": START_MS - ago * 1000, "id": 90 - i, "kind": kind, "severity": how, "text": text}
        for i, (ago, kind, how, text) in enumerate(rows)
    ]
    return {"events": listed, "kept": len(listed), "left_out": 0}


class FakeAgent:
    """Listens at path; answers is {command: function(request) -> document}, changed at will."""

    def __init__(self, path):
        self.path = str(path)
        self.requests = []
        self.answers = {
            "status": lambda request: status(),
            "history": lambda request: course(request["series"], request.get("span", "hour")),
            "events": lambda request: events(),
        }
        self.listener = None
        self.connections = set()
        self.start()

    def start(self):
        self.listener = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """As killed: the socket stays, nobody listens."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError, ValueError):
            for line in connection.makefile("rb"):
                request = json.loads(line)
                self.requests.append(request)
                try:
                    answer = self.answers[request["command"]](request)
                except KeyError as error:
                    answer = {"error": f"no {error}"}
                connection.sendall(json.dumps(answer).encode() + b"\n")
        self.connections.discard(connection)
