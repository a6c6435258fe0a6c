# SPDX-License-Identifier: MIT
"""Request rate from real lighttpd, PHP-FPM, Caddy and HAProxy, and how the source is chosen."""

import contextlib
import os
import socket
import urllib.error
import urllib.request

import harness
import pytest
from harness import wait_until
from test_requests import fetch, once, place, web
from web_servers import Apache, Caddy, Lighttpd, Namespace, PhpFpm


def agent_at(scratch, url, **settings):
    settings = {"url": url, "interval": "200ms", **settings}
    return harness.Agent(scratch, {"requests": settings}).start()


def settled(agent):
    """The values once there are two readings: what was said about the start is settled."""
    return wait_until(lambda: web(agent)[0].get("requests_s") == 0 and web(agent)[0])


def wait_for(agent, key, value):
    wait_until(lambda: web(agent)[0].get(key) == value, what=f"{key} to be {value}: {web(agent)}")


@pytest.mark.parametrize("family", harness.families())
def test_lighttpd(scratch, family):
    lighttpd = Lighttpd(scratch).start()
    url = lighttpd.status_url(family)
    values, unknown = once(scratch, {"url": url})
    assert values["source"] == f"lighttpd {place(url)}"
    assert values["busy_workers"] == 0
    assert "no idle workers" in unknown["idle_workers"]

    agent = agent_at(scratch, url)
    total = settled(agent)["requests_total"] + 50
    fetch(url.replace("/server-status?auto", "/index.html"), 50)
    wait_for(agent, "requests_total", total)
    # A connection that is kept alive is no load.
    with socket.create_connection((harness.LOOPBACK[family], lighttpd.port)) as idle:
        idle.sendall(b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n")
        idle.recv(4096)
        wait_for(agent, "requests_total", total + 1)
        wait_for(agent, "busy_workers", 0)
        idle.sendall(b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(agent, "requests_total", total + 2)
    lighttpd.restart()
    wait_until(lambda: web(agent)[0].get("requests_total", 99) < 20, what="the new counter")


def test_lighttpd_refuses(scratch):
    lighttpd = Lighttpd(scratch, extra='$HTTP["url"] =~ "^/server" { url.access-deny = ("") }')
    url = lighttpd.start().status_url()
    _, unknown = once(scratch, {"url": url, "source": "lighttpd"})
    assert "HTTP 403: allow this host to see lighttpd's status.status-url" in unknown["source"]


@pytest.mark.parametrize("family", [None, *harness.families()])
def test_php_fpm(scratch, family):
    php = PhpFpm(scratch, family=family).start()
    values, unknown = once(scratch, {"url": php.status_url()})
    assert values["source"] == "php-fpm " + php.status_url().removeprefix("fcgi:").strip("/")
    assert (values["max_children_reached"], values["slow_requests"]) == (0, 0)
    if family:
        assert values["queued"] == 0
    else:
        assert "not of a Unix socket" in unknown.pop("queued")
    # A pool that has just started may be slow, and then there is no second reading for a rate.
    assert set(unknown) - {"requests_s"} == {"errors_5xx_total", "errors_5xx_s", "latency_ms"}

    agent = agent_at(scratch, php.status_url())
    total = settled(agent)["requests_total"] + 20
    wait_for(agent, "busy_workers", 0)
    wait_for(agent, "idle_workers", 2)  # the third one answers us
    for _ in range(20):
        php.run()
    wait_for(agent, "requests_total", total)
    with contextlib.closing(php.connect(5)):
        wait_for(agent, "busy_workers", 1)
        wait_for(agent, "idle_workers", 1)


def test_php_fpm_with_a_page_of_its_own(scratch):
    """It answers while all workers are busy, and our polls are no requests of the pool."""
    php = PhpFpm(scratch, family=harness.families()[0], children=2, own_page=True).start()
    agent = agent_at(scratch, php.status_url())
    total = settled(agent)["requests_total"]
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(contextlib.closing(php.connect(10)))
        wait_for(agent, "busy_workers", 2)
        wait_for(agent, "queued", 1)
        wait_for(agent, "idle_workers", 0)
        wait_for(agent, "requests_total", total + 2)
    php.restart()
    wait_for(agent, "idle_workers", 2)


def test_php_fpm_without_a_free_worker(scratch):
    php = PhpFpm(scratch, children=1).start()
    agent = agent_at(scratch, php.status_url(), timeout="300ms")
    settled(agent)
    with contextlib.closing(php.connect(20)):
        wait_until(lambda: "pm.status_listen" in web(agent)[1].get("web.busy_workers", ""))


def test_php_fpm_elsewhere(scratch, nginx):
    php = PhpFpm(scratch).start()
    base = php.status_url().removesuffix("/status")
    _, unknown = once(scratch, {"url": base + "/x"})
    assert "/x: HTTP 40" in unknown["source"]
    assert "set pm.status_path of PHP-FPM" in unknown["source"]
    _, unknown = once(scratch, {"url": base.removeprefix("fcgi:") + "/status"})
    told = ("closed before its answer", "broke the connection")
    assert any(words in unknown["source"] for words in told)
    _, unknown = once(scratch, {"url": f"fcgi:unix:{nginx.status_socket}:/status"})
    assert unknown["source"].endswith("the answer is not FastCGI")
    values, _ = once(scratch, {"url": base.removesuffix(":"), "source": "php-fpm"})
    assert values["source"].endswith(":/status")
    _, unknown = once(scratch, {"url": base + "/status?json"})
    assert "as JSON" in unknown["source"]


@pytest.mark.parametrize("family", harness.families())
def test_caddy(scratch, family):
    caddy = Caddy(scratch).start()
    # What tells that it is Caddy is on the page soon after its start.
    wait_until(
        lambda: "servers { metrics }"
        in once(scratch, {"url": caddy.status_url()})[1]["requests_total"]
    )

    site = f"http://{harness.url_host(family)}:{caddy.port}"
    fetch(site + "/api/x", 3)
    agent = agent_at(scratch, caddy.status_url())
    values = settled(agent)
    assert values["source"].startswith("caddy ")
    assert values["source"].endswith(f":{caddy.admin_port}/metrics")
    assert values["requests_total"] == 3
    assert values["busy_workers"] == 0
    fetch(site + "/", 20)
    wait_for(agent, "requests_total", 23)
    for _ in range(4):
        with pytest.raises(urllib.error.HTTPError):
            fetch(site + "/broken", 1)
    wait_for(agent, "requests_total", 27)
    wait_for(agent, "errors_5xx_total", 4)
    wait_until(lambda: fetch(site + "/", 5) or 0 < web(agent)[0].get("latency_ms", 0) < 5000)


def test_caddy_without_metrics(scratch):
    caddy = Caddy(scratch, metrics=False).start()
    values, unknown = once(scratch, {"url": f"http://localhost:{caddy.admin_port}"})
    assert values["source"].startswith("caddy ")
    for name in ("requests_total", "busy_workers", "errors_5xx_total"):
        assert "servers { metrics }" in unknown[name]


def test_haproxy(scratch, nginx):
    server = {"name": "web", "port": nginx.page_ports[0], "check": False}
    haproxy = harness.Haproxy(scratch, [server]).start()
    url = f"haproxy:unix:{haproxy.socket}"
    agent = agent_at(scratch, url)
    wait_until(lambda: "requests_s" in web(agent)[0])
    assert web(agent)[0]["source"] == "haproxy " + url.removeprefix("haproxy:")
    before = web(agent)[0]["requests_total"]
    for family in harness.families():
        fetch(f"http://{harness.url_host(family)}:{haproxy.port}/", 10)
    wait_for(agent, "requests_total", before + 10 * len(harness.families()))
    nginx.close()
    with pytest.raises(urllib.error.HTTPError):
        fetch(f"http://127.0.0.1:{haproxy.port}/", 1)
    wait_for(agent, "errors_5xx_total", 1)
    wait_for(agent, "busy_workers", 0)
    assert web(agent)[0]["queued"] == 0
    haproxy.restart()
    wait_until(lambda: web(agent)[0].get("requests_total", 99) < before + 10)
    assert web(agent)[0].get("requests_s", 0) == 0


def test_apache_says_how_long_requests_take(scratch):
    apache = Apache(scratch).start()
    agent = agent_at(scratch, apache.status_url())
    settled(agent)
    page = apache.status_url().replace("/server-status?auto", "/index.html")
    wait_until(lambda: fetch(page, 5) or web(agent)[0].get("latency_ms", -1) >= 0)
    wait_until(lambda: "no request was finished" in web(agent)[1].get("web.latency_ms", ""))


@pytest.fixture
def namespace(scratch):
    if os.getuid() != 0:
        pytest.skip("the usual ports need a network namespace, and that needs root")
    return Namespace(scratch).start()


def test_the_choice_is_told(scratch, namespace):
    """Apache and Caddy at their usual places: Apache is first, Caddy is said to be there."""
    Apache(scratch, listen=["127.0.0.1:8080"], wrapper=namespace.wrapper).start()
    wait_until(lambda: namespace.answers("127.0.0.1", 8080))
    options = {"wrapper": namespace.wrapper}
    values, _ = once(scratch, {}, **options)
    assert values["source"] == "apache 127.0.0.1:8080/server-status?auto, the only one"
    assert values["requests_s"] == 0  # what was asked for the choice is not counted
    config = '{"admin": {"listen": "localhost:2019"}}'
    caddy = Caddy(scratch)
    caddy.wrapper = [*namespace.wrapper]
    caddy.config.write_text(config, encoding="utf-8")
    caddy.ready = lambda: any(namespace.answers(host, 2019) for host in ("127.0.0.1", "::1"))
    argv = [word for word in caddy.argv() if word not in ("--adapter", "caddyfile")]
    caddy.argv = lambda: [*namespace.wrapper, *argv]
    caddy.start()
    # What tells that it is Caddy is on the page when it was asked for once.
    once(scratch, {"source": "caddy"}, **options)
    values, unknown = once(scratch, {"source": "caddy"}, **options)
    assert values["source"].startswith("caddy ")
    assert ":2019/metrics" in values["source"]
    assert "servers { metrics }" in unknown["requests_total"]
    values, _ = once(scratch, {}, **options)
    assert values["source"] == "apache 127.0.0.1:8080/server-status?auto, found before caddy"
