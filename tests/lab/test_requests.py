# SPDX-License-Identifier: MIT
"""Request rate from real nginx and Apache, and from web servers that hang, lie, flood and refuse."""

import concurrent.futures
import contextlib
import json
import os
import socket
import subprocess
import urllib.request

import harness
import pytest
from harness import wait_until
from web_servers import Apache, Evil, Namespace

NGINX_PAGE = (
    "Active connections: 1 \nserver accepts handled requests\n {0} {0} {0} \n"
    "Reading: 0 Writing: 3 Waiting: 0 \n"
)
# What the collector "workers" adds to the same group, of whatever runs on this machine.
OF_WORKERS = ("servers", "memory", "worker")
# What neither nginx nor Apache says.
OF_OTHERS = (
    "errors_5xx_total", "errors_5xx_s", "queued", "max_children_reached", "slow_requests"
)
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n"


def page(body, kind="text/plain"):
    return (HEAD.format(kind, len(body)) + body).encode()


def once(scratch, settings, options=(), wrapper=(), name="once"):
    """(group web, what of the requests is unknown) of hostingpid --once --json."""
    options = ["--once", "--json", *options]
    agent = harness.Agent(scratch, {"requests": settings}, name, options, wrapper)
    argv = [str(word) for word in agent.argv()]
    result = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    unknown = {
        name.removeprefix("web."): why
        for name, why in document["unknown"].items()
        if name.startswith("web.")
    }
    return tuple(
        {name: value for name, value in group.items() if not name.startswith(OF_WORKERS)}
        for group in (document.get("web", {}), unknown)
    )


def web(agent):
    """Group web of hostingpictl status --json, and the reasons of what is unknown."""
    argv = [harness.BUILD / "hostingpictl", "--socket", agent.run_dir / "control.sock"]
    argv = [str(word) for word in [*argv, "--json", "status"]]
    result = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    state = json.loads(result.stdout)["state"]
    return state.get("web", {}), state["unknown"]


def fetch(url, count):
    for _ in range(count):
        with urllib.request.urlopen(url, timeout=20) as answer:
            answer.read()


@contextlib.contextmanager
def evil(behaviour, family=socket.AF_INET6):
    server = Evil(behaviour, family)
    try:
        yield server
    finally:
        server.close()


def place(url):
    return url.removeprefix("http://")


@pytest.mark.parametrize("family", harness.families())
def test_nginx_over_tcp(scratch, nginx, family):
    fetch(nginx.status_url(family), 5)
    values, unknown = once(scratch, {"url": nginx.status_url(family)})
    assert values["source"] == f"nginx {place(nginx.status_url(family))}"
    assert values["requests_total"] == 5
    assert values["requests_s"] == 0
    assert values["busy_workers"] == 0
    assert unknown.pop("idle_workers") == "nginx does not count idle workers"
    assert set(unknown) == {*OF_OTHERS, "latency_ms"}


def test_nginx_over_a_unix_socket(scratch, nginx):
    url = f"unix:{nginx.status_socket}:/nginx_status"
    values, _ = once(scratch, {"url": url, "source": "nginx"})
    assert values["source"] == f"nginx {url}"
    assert values["requests_total"] == 0


def test_nginx_found_on_localhost(scratch, nginx):
    """No path: the usual ones are tried, and the page is recognised by its body."""
    values, _ = once(scratch, {"url": f"http://localhost:{nginx.status_port}"})
    host = harness.url_host(harness.families()[0])
    assert values["source"] == f"nginx {host}:{nginx.status_port}/nginx_status"


@pytest.mark.parametrize("family", harness.families())
def test_apache(scratch, family):
    apache = Apache(scratch).start()
    fetch(apache.status_url(family), 3)
    values, unknown = once(scratch, {"url": apache.status_url(family)})
    assert values["source"] == f"apache {place(apache.status_url(family))}"
    # The last of our own three may still be in flight when the first poll looks.
    assert 2 <= values["requests_total"] <= 4
    assert values["busy_workers"] == 0
    assert 1 <= values["idle_workers"] <= 16
    assert unknown.pop("latency_ms") == "no request was finished since the last poll"
    assert set(unknown) == set(OF_OTHERS)


def test_apache_without_extended_status(scratch):
    apache = Apache(scratch, extended=False).start()
    values, unknown = once(scratch, {"url": f"http://localhost:{apache.port}", "source": "apache"})
    assert "ExtendedStatus On" in unknown["requests_total"]
    assert values["busy_workers"] == 0
    assert values["idle_workers"] >= 1


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_only_requests_of_others_count(scratch, server):
    web_server = (harness.Nginx if server == "nginx" else Apache)(scratch).start()
    url = web_server.status_url()
    agent = harness.Agent(scratch, {"requests": {"url": url, "interval": "200ms"}}).start()
    # After the second poll, what the server said about the start is settled.
    before = wait_until(lambda: web(agent)[0].get("requests_s") == 0 and web(agent)[0])
    fetch(url, 50)
    total = before["requests_total"] + 50
    wait_until(lambda: web(agent)[0].get("requests_total") == total, what="the 50 requests")
    with socket.create_connection(("127.0.0.1", int(url.split(":")[-1].split("/")[0]))) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        wait_until(lambda: web(agent)[0].get("busy_workers") == 1, what="half a request seen")
    wait_until(lambda: web(agent)[0].get("busy_workers") == 0)
    assert total <= web(agent)[0]["requests_total"] <= total + 1  # the half one


def test_a_restart_is_survived(scratch, nginx):
    settings = {"url": nginx.status_url(), "interval": "200ms", "timeout": "200ms"}
    agent = harness.Agent(scratch, {"requests": settings}).start()
    fetch(nginx.status_url(), 20)
    wait_until(lambda: web(agent)[0].get("requests_total", 0) >= 20)
    nginx.stop()
    wait_until(lambda: "no answer within 200 ms" in web(agent)[1].get("web.busy_workers", ""))
    nginx.close()
    wait_until(lambda: "connection refused" in web(agent)[1].get("web.busy_workers", ""))
    assert "requests_total" not in web(agent)[0]
    nginx.start()
    wait_until(lambda: web(agent)[0].get("requests_total", 99) < 20, what="the new counter")
    assert web(agent)[0].get("requests_s", 0) == 0


def test_falling_counters_yield_no_rate(scratch):
    def fall(server, connection, number):
        server.send(connection, page(NGINX_PAGE.format(10_000 - 100 * number)))

    with evil(fall) as server:
        settings = {"url": server.url(), "interval": "200ms"}
        agent = harness.Agent(scratch, {"requests": settings}).start()
        wait_until(lambda: 0 < web(agent)[0].get("requests_total", 0) < 9_600)
        values, unknown = web(agent)
        assert "requests_s" not in values
        assert "web.requests_s" in unknown


def test_a_long_interval_is_not_stale(scratch, nginx):
    """Between two polls the last one counts, for more than the 3 s after which others are stale."""
    settings = {"url": nginx.status_url(), "interval": "30s"}
    agent = harness.Agent(scratch, {"requests": settings}).start()
    # The second poll comes early; from then on nothing new for 30 s.
    wait_until(lambda: "requests_s" in web(agent)[0])
    seen = agent.status()["seq"]
    while agent.status()["seq"] < seen + 6:
        assert "busy_workers" in web(agent)[0]


def silent(server, _connection, _number):
    server.over.wait(60)


def drip(server, connection, _number):
    for byte in page(NGINX_PAGE.format(5)):
        server.send(connection, bytes([byte]))
        if server.over.wait(1):
            return


def flood(server, connection, _number):
    server.send(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        server.send(connection, b"x" * 2**20)


def long_header(server, connection, _number):
    server.send(connection, b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 2**20 + b"\r\n\r\n")


def says(text):
    data = text if isinstance(text, bytes) else text.encode()
    return lambda server, connection, _number: server.send(connection, data)


def status(line, header=""):
    return says(f"HTTP/1.1 {line}\r\n{header}Content-Length: 0\r\n\r\n")


REFUSED = {
    "hangs": (silent, "no answer within 300 ms"),
    "drips": (drip, "no answer within 300 ms"),
    "floods": (flood, "answer larger than 65536 bytes"),
    "long-header": (long_header, "answer larger than 65536 bytes"),
    "closes": (lambda *_: None, "closed before its answer was complete"),
    "cut-off": (says(page(NGINX_PAGE.format(5))[:-9]), "closed before its answer was complete"),
    "no-number": (says(page(NGINX_PAGE.format("many"))), "malformed nginx stub_status"),
    "negative": (says(page(NGINX_PAGE.format(-7))), "malformed nginx stub_status"),
    "too-large": (says(page(NGINX_PAGE.format(2**63))), "malformed nginx stub_status"),
    "apache-lies": (says(page("BusyWorkers: -1\nIdleWorkers: 2\n")), "malformed Apache"),
    "other-page": (says(page("<html>hello</html>", "text/html")), "no status page of a kind"),
    "people-page": (says(page("<title>Apache Status</title>", "text/html")), "add ?auto"),
    "binary": (says(page("\0" * 5000, "image/png")), "no status page of a kind"),
    "301": (status("301 Moved", "Location: https://[::1]/\r\n"), "HTTP 301: redirects are not"),
    "403": (status("403 Forbidden"), "HTTP 403: allow this host in the nginx stub_status location"),
    "404": (status("404 Not Found"), "HTTP 404: add an nginx stub_status location"),
    "500": (status("500 Broken"), "HTTP 500: the web server fails"),
    "mail": (says("220 mail ESMTP\r\n"), "the answer is not HTTP"),
}


CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ACCEPTED = {
    "chunked": says(
        CHUNKED + "".join(f"1\r\n{c}\r\n" for c in NGINX_PAGE.format(8)) + "0\r\n\r\n"
    ),
    "wrong-type": says(page(NGINX_PAGE.format(8), "image/png")),
    "http-1.0": says("HTTP/1.0 200 OK\r\n\r\n" + NGINX_PAGE.format(8)),
    "trailing": says(page(NGINX_PAGE.format(8)) + b"HTTP/1.1 500 X\r\n\r\n" * 100),
}


@pytest.fixture(scope="module")
def evil_runs():
    """{case: (server, group web, unknown)}, several at a time because each takes over a second."""
    cases = {**ACCEPTED, **{case: behaviour for case, (behaviour, _) in REFUSED.items()}}
    scratch = harness.Scratch()

    def run(case):
        with evil(cases[case]) as server:
            timeout = "300ms" if cases[case] in (silent, drip) else "20s"
            settings = {"url": server.url(), "timeout": timeout}
            return (server, *once(scratch, settings, name=case))

    try:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            yield dict(zip(cases, pool.map(run, cases)))
    finally:
        scratch.close()


@pytest.mark.parametrize("case", REFUSED)
def test_evil_servers_are_told(evil_runs, case):
    server, values, unknown = evil_runs[case]
    assert values == {}
    assert set(unknown) >= {"source", "requests_total", "busy_workers", "idle_workers"}
    assert unknown["busy_workers"].startswith(place(server.url()) + ": ")
    assert REFUSED[case][1] in unknown["busy_workers"]
    assert server.sent < 16 * 2**20  # what fits into socket buffers, not 100 MB
    assert server.asked[0] == (
        f"GET /nginx_status HTTP/1.1\r\nHost: [::1]:{server.port}\r\n"
        "User-Agent: hostingpi-agent\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("case", ACCEPTED)
def test_odd_but_true_answers_are_read(evil_runs, case):
    _, values, _ = evil_runs[case]
    assert values["requests_total"] == 7
    assert values["busy_workers"] == 2


def test_a_hanging_and_a_flooding_server_hinder_nobody(scratch):
    def alternate(server, connection, number):
        (flood if number % 2 else silent)(server, connection, number)

    with evil(alternate) as server:
        settings = {"url": server.url(), "interval": "200ms", "timeout": "200ms"}
        agent = harness.Agent(scratch, {"requests": settings}).start()
        wait_until(lambda: len(server.asked) >= 2)
        rss, seq = agent.memory_bytes(), agent.status()["seq"]
        wait_until(lambda: len(server.asked) >= 6)
        wait_until(lambda: agent.status()["seq"] >= seq + 3, what="sampling to go on")
        for family in harness.families():
            assert agent.agent_check(family).startswith("up ")
        assert "web.busy_workers" in agent.status()["state"]["unknown"]
        assert agent.memory_bytes() < rss + 2**20
        assert agent.tail().count("status page") < 10  # a complaint, not one for each poll
        assert agent.term() == 0


def test_real_servers_refuse(scratch):
    denied = "location = /denied { stub_status; deny all; }"
    nginx = harness.Nginx(scratch, extra=denied).start()
    apache = Apache(scratch, require="all denied").start()
    url = f"http://[::1]:{nginx.status_port}/denied"
    assert "nginx stub_status location" in once(scratch, {"url": url})[1]["source"]
    url = f"http://127.0.0.1:{apache.port}/server-status?auto"
    assert "Require local" in once(scratch, {"url": url})[1]["source"]
    _, unknown = once(scratch, {"url": f"http://[::1]:{nginx.status_port}/nothing"})
    assert "HTTP 404" in unknown["source"]
    _, unknown = once(scratch, {"url": nginx.status_url(), "source": "apache"})
    assert "nginx's status page, but source says otherwise" in unknown["source"]


def test_not_looked_for_under_root(scratch, nginx):
    root = scratch.path / "root"
    (root / "proc").mkdir(parents=True)
    options = ["--root", str(root)]
    _, unknown = once(scratch, {}, options)
    assert unknown["requests_total"] == "not looked for under --root"
    values, _ = once(scratch, {"url": nginx.status_url()}, options)
    assert values["source"].startswith("nginx ")
    _, unknown = once(scratch, {"source": "none"})
    assert unknown["source"] == "not applicable: switched off ([requests] source = none)"


@pytest.fixture
def namespace(scratch):
    if os.getuid() != 0:
        pytest.skip("the usual ports need a network namespace, and that needs root")
    return Namespace(scratch).start()


def test_usual_places_without_a_server(scratch, namespace):
    _, unknown = once(scratch, {"log": "/nowhere"}, wrapper=namespace.wrapper)
    assert unknown["source"].startswith("no status page at 12 places (hostingpi.conf(5) ")
    assert "; [::1]:80" in unknown["source"]
    assert unknown["source"].endswith("connection refused; access log /nowhere: no such file")


def test_apache_is_found_at_a_usual_place(scratch, namespace):
    Apache(scratch, listen=["127.0.0.1:8080"], wrapper=namespace.wrapper).start()
    wait_until(lambda: namespace.answers("127.0.0.1", 8080))
    values, unknown = once(scratch, {}, wrapper=namespace.wrapper)
    assert values["source"] == "apache 127.0.0.1:8080/server-status?auto, the only one"
    # Anybody may listen there; who names it vouches for it.
    assert "any local user" in unknown["busy_workers"] and "any local user" in unknown["idle_workers"]
    values, _ = once(scratch, {"url": "http://127.0.0.1:8080"}, wrapper=namespace.wrapper)
    assert values["busy_workers"] == 0
    _, unknown = once(scratch, {"source": "nginx"}, wrapper=namespace.wrapper)
    assert "127.0.0.1:8080/nginx_status: HTTP 404: add an nginx" in unknown["source"]


def test_a_denied_apache_is_the_most_telling(scratch, namespace):
    listen = ["[::1]:80", "127.0.0.1:80"]
    Apache(scratch, require="all denied", listen=listen, wrapper=namespace.wrapper).start()
    wait_until(lambda: namespace.answers("::1", 80))
    _, unknown = once(scratch, {}, wrapper=namespace.wrapper)
    assert "[::1]:80/server-status?auto: HTTP 403: allow this host" in unknown["source"]
