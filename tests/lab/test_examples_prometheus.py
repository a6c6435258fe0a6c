# SPDX-License-Identifier: MIT
"""/metrics and a real Prometheus; examples/prometheus by promtool."""

import json
import subprocess
import urllib.parse
import urllib.request

import harness
import process
import pytest
from http_lab import get, number, parse

FOLDER = harness.REPO / "examples/prometheus"
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
# The names are those of the state document, which is the contract: _s and _ms stand for units.
LINT = "metric names should not contain abbreviated units"

pytestmark = pytest.mark.skipif(
    process.program("prometheus") is None or process.program("promtool") is None,
    reason="prometheus is not installed (apt: prometheus)",
)


@pytest.fixture
def agent(start_agent, nginx):
    return start_agent({"requests": {"url": nginx.status_url()}})


def promtool(*words, cwd=FOLDER, **keys):
    command = [process.program("promtool"), *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd, **keys)


def is_same(value, found):
    return abs(float(value) - found) <= 1e-9 * max(1.0, abs(found))


def check_reading(group, name, value, samples):
    """One reading of the state document against the series that it must be."""
    base = f"hostingpi_{group}_{name}"
    total = base if base.endswith("_total") else base + "_total"
    if isinstance(value, bool):
        return number(samples, base) == value
    if isinstance(value, (int, float)):
        return is_same(value, number(samples, total if total in samples else base))
    if base + "_info" in samples:
        [(labels, one)] = samples[base + "_info"]
        return one == 1 and (name.endswith("reason") or labels == {name: value})
    words = {labels[base]: one for labels, one in samples[base]}
    return words[value] == 1 and sum(words.values()) == 1


def look(agent, headers):
    """The readings of a moment in both documents: the agent samples once a second, so until it is one."""

    def same():
        before = agent.status()["state"]
        text = get(agent, "/metrics", headers=headers)[2]
        state = agent.status()["state"]
        return before["seq"] == state["seq"] and (state, text)

    return harness.wait_until(same, what="two looks in the same second")


@pytest.mark.parametrize("headers", [{}, OPENMETRICS], ids=["0.0.4", "openmetrics"])
def test_every_reading_is_there_or_unknown(agent, headers):
    harness.wait_until(
        lambda: "requests_s" in agent.status()["state"]["web"], what="the rate of requests"
    )
    # What moves between two ticks, and is read then, may differ by one look; most never do.
    differ = set()
    for _ in range(3):
        state, text = look(agent, headers)
        samples, types = parse(text)
        groups = {key: value for key, value in state.items() if isinstance(value, dict)}
        unknown = groups.pop("unknown")
        readings = [(g, name) for g, values in groups.items() for name in values]
        assert len(readings) > 40
        found = {
            labels["reading"]: labels["reason"] for labels, _ in samples["hostingpi_unknown"]
        }
        assert found.keys() == unknown.keys()
        for reading, reason in unknown.items():
            digits = "".join(" " if c.isdigit() or c in "#." else c for c in reason).split()
            assert digits == "".join(" " if c in "#." else c for c in found[reading]).split()
        now = {
            f"{g}.{name}" for g, name in readings if not check_reading(g, name, groups[g][name], samples)
        }
        differ = now if not differ else differ & now
        # And nothing else is there.
        assert len(types) == len(readings) + 2
    assert not differ


def test_promtool_takes_it(agent):
    text = get(agent, "/metrics")[2]
    done = promtool("check", "metrics", input=text)
    complaints = done.stderr.splitlines()
    assert done.returncode in (0, 3) and "error while linting" not in done.stderr, done.stderr
    assert all(line.endswith(LINT) for line in complaints), done.stderr
    assert {line.split("_")[-1].split()[0] for line in complaints} <= {"s", "ms"}


class Prometheus(process.Process):
    """Scrapes the agent over IPv6, five times a second, with the job of the example."""

    def __init__(self, scratch, agent):
        super().__init__(scratch, "prometheus")
        self.port = process.free_port()
        text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
        words = {"[2001:db8::1]:9778": f"[::1]:{agent.http_port}", "scrape_interval: 15s": "scrape_interval: 200ms"}
        words['          - "[2001:db8::2]:9778"\n'] = ""
        words["hostingpi.rules.yml"] = str(FOLDER / "hostingpi.rules.yml")
        for word, value in words.items():
            assert word in text
            text = text.replace(word, value)
        self.config = scratch.file("prometheus.yml", text)

    def argv(self):
        data = f"--storage.tsdb.path={self.scratch.path}/tsdb"
        listen = f"--web.listen-address=[::1]:{self.port}"
        return ["prometheus", f"--config.file={self.config}", data, listen]

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://[::1]:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, **query):
        url = f"http://[::1]:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        rows = self.ask("query", query=expression)["result"]
        return [(row["metric"], float(row["value"][1])) for row in rows]


def test_prometheus_scrapes_it_over_ipv6(agent, scratch):
    prometheus = Prometheus(scratch, agent).start()
    harness.wait_until(lambda: prometheus.query("up") and prometheus.query("up")[0][1] == 1,
                       timeout=60, what="a scrape")
    [target] = prometheus.ask("targets")["activeTargets"]
    assert target["lastError"] == "" and target["labels"]["instance"] == f"[::1]:{agent.http_port}"
    total = agent.status()["state"]["mem"]["total_bytes"]
    [(labels, value)] = prometheus.query("hostingpi_mem_total_bytes")
    assert value == total and labels["job"] == "hostingpi"
    [(labels, value)] = prometheus.query("hostingpi_lb_state == 1")
    assert labels["hostingpi_lb_state"] == agent.status()["decision"]["state"]
    [(labels, _)] = prometheus.query("hostingpi_info")
    assert labels["id"] == "lab" and labels["kernel"]
    assert prometheus.query('count(hostingpi_unknown)')[0][1] == len(agent.status()["state"]["unknown"])
    # OpenMetrics was what it asked for and got: only that has units.
    meta = {row["metric"]: row for row in prometheus.ask("targets/metadata")}
    assert meta["hostingpi_mem_total_bytes"]["unit"] == "bytes"
    assert meta["hostingpi_web_requests"]["type"] == "counter"
    assert meta["hostingpi_lb_state"]["type"] == "stateset"
    # A connection that stays, however often it asks.
    before = agent.status()["notifiers"]["http"]["answers"]["200"]
    harness.wait_until(
        lambda: agent.status()["notifiers"]["http"]["answers"]["200"] > before + 5, what="more scrapes"
    )
    assert agent.status()["notifiers"]["http"]["clients"] <= 2
    assert agent.status()["balancers"] == []


def test_examples_by_promtool():
    for words in [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "hostingpi.rules.yml"),
        ("test", "rules", "hostingpi.test.yml"),
    ]:
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr


def test_rules_name_series_that_are_there(agent):
    """All that the rules look at is served, or is a reading that this machine has not."""
    text = (FOLDER / "hostingpi.rules.yml").read_text(encoding="utf-8")
    words = "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
    names = {word for word in words if word.startswith("hostingpi_") and "rules" not in word}
    assert len(names) >= 7
    samples, _ = parse(get(agent, "/metrics")[2])
    unknown = {
        "hostingpi_" + labels["reading"].replace(".", "_") for labels, _ in samples["hostingpi_unknown"]
    }
    for name in names:
        assert name in samples or name.removesuffix("_total") in unknown or name in unknown, name
