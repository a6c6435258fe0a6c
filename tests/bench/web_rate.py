# SPDX-License-Identifier: MIT
"""`make bench-web`: the requests that the agent counts against those that wrk counts.

Theory of operation: wrk has no pace of its own, so a script delays each request until its turn. Two
agents watch the same server, one by its status page and one by its access log, at the default
interval; the log is rotated in the middle of each run. wrk counts answers that it has read; those
still under way when it stops, at most one for each of its connections, are served and logged all the
same, so the number of lines in all log files is shown as well: what the log source says must be that.
Rates are the median of what was published while wrk ran. Nothing passes or fails by its numbers.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time

import where  # noqa: F401 (makes the lab's modules importable)
import meter
from harness import BUILD, Agent, families
from log_servers import LoggedApache, LoggedLighttpd, LoggedNginx
from process import LabError, Scratch, program, wait_until
from table import table
from web_servers import PhpFpm

RATES = (50, 500, 5000)
CONNECTIONS = {50: 2, 500: 5, 5000: 50}
PAUSE_S = 0.25
EDGE_S = 4.5  # two intervals: rates that reach outside of the run do not count

# LuaJIT of wrk: a clock, and the moment of the next request of all connections of the one thread.
PACE = """
local ffi = require("ffi")
ffi.cdef "typedef struct { long s, us; } moment; int gettimeofday(moment *, void *);"
local at, due = ffi.new("moment"), nil
local function now_ms()
    ffi.C.gettimeofday(at, nil)
    return tonumber(at.s) * 1000 + tonumber(at.us) / 1000
end
function delay()
    local now = now_ms()
    due = math.max((due or now) + 1000 / RATE, now - 1000)
    return math.max(0, math.floor(due - now + 0.5))
end
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("FOUND %d %d %d\\n", summary.requests, summary.duration,
        e.connect + e.read + e.write + e.timeout + e.status))
end
"""


def say(text):
    print(f"bench-web: {text}", file=sys.stderr, flush=True)


class Watched:
    """An agent, what it said before, and the rates that it publishes meanwhile."""

    def __init__(self, scratch, name, settings):
        self.agent = Agent(scratch, {"requests": settings}, name=name).start()
        self.web = lambda: self.agent.status()["state"].get("web", {})
        wait_until(lambda: "requests_s" in self.web(), what=f"a rate from {name}")
        self.source = self.web()["source"]

    def begin(self):
        self.before = self.settled()
        self.rates = []
        self.window = meter.Window(self.agent.pid)

    def look(self):
        self.rates.append(self.web().get("requests_s"))

    def settled(self):
        """The total, once it stands still for two intervals and a half."""
        total, since = None, time.monotonic()
        while time.monotonic() - since < 5:
            now = self.web().get("requests_total")
            if now != total or now is None:
                total, since = now, time.monotonic()
            time.sleep(PAUSE_S)
        return total

    def result(self):
        rates = [rate for rate in self.rates if rate is not None]
        total = self.settled() - self.before
        return total, statistics.median(rates) if rates else None


def wrk(scratch, server, path, rate, seconds):
    """A running wrk; its standard output ends with FOUND requests microseconds errors."""
    script = scratch.file(f"pace-{rate}.lua", PACE.replace("RATE", str(rate)))
    argv = [program("wrk"), "-t1", f"-c{CONNECTIONS[rate]}", f"-d{seconds}s", "-s", str(script)]
    argv.append(server.url(path, families()[0]))
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(scratch, server, path, watched, rate, seconds):
    """One row: wrk for some seconds, with a rotation in the middle."""
    for one in watched:
        one.begin()
    lines = server.lines()
    popen = wrk(scratch, server, path, rate, seconds)
    began = time.monotonic()
    rotation = threading.Timer(seconds / 2, server.rotate)
    rotation.start()
    while popen.poll() is None:
        time.sleep(PAUSE_S)
        for one in watched:
            if EDGE_S < time.monotonic() - began < seconds - PAUSE_S:
                one.look()
    rotation.join()
    costs = [one.window.end()["cpu_mean_ms_s"] for one in watched]
    output = popen.stdout.read()
    found = [line.split()[1:] for line in output.splitlines() if line.startswith("FOUND ")]
    if not found:
        raise LabError(f"wrk said:\n{output}")
    requests, microseconds, errors = map(int, found[0])
    row = {"asked": rate, "wrk": requests, "wrk_s": requests * 1e6 / microseconds}
    row["errors"] = errors
    for name, one, cost in zip(("page", "log"), watched, costs):
        row[name], row[f"{name}_s"] = one.result()
        row[f"{name}_cpu"] = cost
    row["lines"] = server.lines() - lines
    return row


def php(scratch):
    """PHP-FPM behind nginx; the page is the pool's own, the log is that of nginx."""
    pool = PhpFpm(scratch, children=8).start()
    server = LoggedNginx(scratch, name="nginx-php", fastcgi=pool.socket, script=pool.script).start()
    return server, "/nap.php", pool.status_url()


def plain(kind):
    def start(scratch):
        server = kind(scratch).start()
        return server, "/index.html", server.status_url()

    return start


SERVERS = {
    "nginx": plain(LoggedNginx),
    "Apache": plain(LoggedApache),
    "lighttpd": plain(LoggedLighttpd),
    "PHP-FPM": php,
}


def measure(name, seconds):
    scratch = Scratch()
    try:
        server, path, status_url = SERVERS[name](scratch)
        watched = [
            Watched(scratch, "page", {"url": status_url}),
            Watched(scratch, "log", {"source": "log", "log": server.log_path}),
        ]
        for rate in RATES:
            say(f"{name}, {rate} requests/s for {seconds} s")
            yield {"server": name, **run(scratch, server, path, watched, rate, seconds)}
    finally:
        scratch.close()


def report(rows):
    header = ["server", "asked\n1/s", "wrk\nrequests", "\n1/s", "\nerrors", "page\nrequests",
              "minus\nwrk", "\n1/s", "CPU\nms/s", "log\nrequests", "minus\nlines", "minus\nwrk",
              "\n1/s", "CPU\nms/s"]
    cells = []
    for row in rows:
        cells.append(
            [row["server"], row["asked"], row["wrk"], row["wrk_s"], row["errors"]]
            + [row["page"], row["page"] - row["wrk"], row["page_s"], row["page_cpu"]]
            + [row["log"], row["log"] - row["lines"], row["log"] - row["wrk"], row["log_s"]]
            + [row["log_cpu"]]
        )
    return table(header, cells)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    parser.add_argument("--json", metavar="FILE", help="the same as JSON")
    parser.add_argument("--only", metavar="SERVER", choices=SERVERS, help="one of the servers")
    options = parser.parse_args()
    os.environ["HOSTINGPI_BUILD"] = str(BUILD)
    load = os.getloadavg()[0]
    print(f"hostingpi bench-web: {os.cpu_count()} processors, load {load:.2f} at the start")
    rows, failed = [], False
    for name in [options.only] if options.only else SERVERS:
        try:
            for row in measure(name, 12 if options.quick else 30):
                rows.append(row)
        except (LabError, OSError) as error:
            failed = True
            print(f"{name} could not be measured: {error}", flush=True)
    print("\n".join(report(rows)))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
