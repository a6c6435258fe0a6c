# SPDX-License-Identifier: MIT
"""The examples for Caddy (run), Envoy and Traefik (never run here: their fields are checked).

Theory of operation: the schemas say what the public interfaces of both allow, for the fields that the
examples use and no others: a misspelled or misplaced field is refused. Envoy: config.cluster.v3.Cluster,
config.core.v3.HealthCheck, config.endpoint.v3 (durations as JSON has them). Traefik: routing of the file
provider.
"""

import re
import subprocess

import jsonschema
import pytest
import yaml

from example_lab import EXAMPLES, Lab
from process import program, wait_until


def record(required, **properties):
    return {"type": "object", "properties": properties, "required": required.split(),
            "additionalProperties": False}


DURATION = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,9})?s$"}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
PATH = {"type": "string", "pattern": r"^/[!-~]*$"}

ENVOY = record(
    "name connect_timeout load_assignment",
    name={"type": "string", "minLength": 1},
    type={"enum": ["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"]},
    connect_timeout=DURATION,
    lb_policy={"enum": ["ROUND_ROBIN", "LEAST_REQUEST", "RING_HASH", "RANDOM", "MAGLEV"]},
    common_lb_config=record(
        "", healthy_panic_threshold=record("", value={"type": "number", "minimum": 0, "maximum": 100})
    ),
    circuit_breakers=record(
        "", per_host_thresholds={"type": "array", "items": record("", max_connections=COUNT)}
    ),
    health_checks={
        "type": "array",
        "items": record(
            "timeout interval unhealthy_threshold healthy_threshold http_health_check",
            timeout=DURATION, interval=DURATION, no_traffic_interval=DURATION,
            unhealthy_threshold=COUNT, healthy_threshold=COUNT,
            http_health_check=record("path", host={"type": "string"}, path=PATH),
        ),
    },
    load_assignment=record(
        "cluster_name",
        cluster_name={"type": "string", "minLength": 1},
        endpoints={"type": "array", "items": record("", lb_endpoints={"type": "array", "items": record(
            "endpoint", endpoint=record(
                "address",
                address=record("socket_address", socket_address=record(
                    "address port_value", address={"type": "string", "minLength": 1}, port_value=PORT)),
                health_check_config=record("", port_value=PORT),
            ))})},
    ),
)

TRAEFIK = record("http", http=record(
    "routers services",
    routers={"type": "object", "additionalProperties": record(
        "rule service", rule={"type": "string"}, service={"type": "string"},
        entryPoints={"type": "array", "items": {"type": "string"}})},
    services={"type": "object", "additionalProperties": record("loadBalancer", loadBalancer=record(
        "servers",
        servers={"type": "array", "items": record("url", url={"type": "string", "pattern": "^https?://"})},
        healthCheck=record("path", path=PATH, port=PORT, interval=DURATION, timeout=DURATION),
    ))},
))


def load(name):
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def test_envoy_fields():
    cluster = load("envoy/cluster.yaml")
    jsonschema.validate(cluster, ENVOY)
    assert cluster["load_assignment"]["cluster_name"] == cluster["name"]
    for group in cluster["load_assignment"]["endpoints"]:
        for item in group["lb_endpoints"]:
            assert item["endpoint"]["health_check_config"]["port_value"] == 9778
    # A schema that takes everything would prove nothing.
    cluster["health_checks"][0]["alt_port_value"] = 9778
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(cluster, ENVOY)


def test_envoy_is_told_what_it_understands(scratch):
    """The answers to Envoy's health check: degraded while it sheds, 503 at the hard level, else neither."""
    lab = Lab(scratch)
    path = load("envoy/cluster.yaml")["health_checks"][0]["http_health_check"]["path"]
    code = (
        "import http.client as c, sys\n"
        f"h = c.HTTPConnection('2001:db8::1', 9778, timeout=20); h.request('GET', '{path}')\n"
        "a = h.getresponse(); print(a.status, a.getheader('x-envoy-degraded'))"
    )

    def answer():
        return lab.run("python3", "-c", code).stdout.strip()

    assert answer() == "200 None"
    lab.pis[0].press()
    assert answer() == "200 1"
    lab.pis[0].exhaust()
    assert answer().startswith("503 ")
    lab.pis[0].relax()
    wait_until(lambda: answer() == "200 None", timeout=60, what="healthy again")


def test_traefik_fields():
    document = load("traefik/hostingpi.yml")
    jsonschema.validate(document, TRAEFIK)
    for router in document["http"]["routers"].values():
        assert router["service"] in document["http"]["services"]


@pytest.mark.skipif(not program("caddy"), reason="caddy is not installed")
def test_caddy_takes_it():
    done = subprocess.run(
        [program("caddy"), "validate", "--adapter", "caddyfile", "--config", EXAMPLES / "caddy/Caddyfile"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0 and "Valid configuration" in done.stdout + done.stderr
    assert not re.search("not formatted", done.stderr)


@pytest.mark.skipif(not program("caddy"), reason="caddy is not installed")
def test_caddy_takes_the_hard_one_out(scratch):
    lab = Lab(scratch)
    lab.program(
        "caddy", program("caddy"), "run", "--adapter", "caddyfile", "--config",
        EXAMPLES / "caddy/Caddyfile", ready=lambda: lab.net.answers("2001:db8::80", 80),
        env=[f"XDG_DATA_HOME={scratch.path}/data", f"XDG_CONFIG_HOME={scratch.path}/config",
             f"HOME={scratch.path}"],
    )
    for entry in ("[2001:db8::80]", "192.0.2.80"):
        wait_until(lambda: set(lab.fetch(entry, 20)) == {"pi1", "pi2"}, what="both Pis")
    lab.pis[0].exhaust()
    wait_until(lambda: set(lab.fetch("[2001:db8::80]", 20)) == {"pi2"}, what="pi2 only")
    lab.pis[0].relax()
    wait_until(lambda: "pi1" in lab.fetch("[2001:db8::80]", 20), timeout=60, what="pi1 back")
