# SPDX-License-Identifier: MIT
"""Posting from an IPv6-only Pi: every way through NAT64, and what is in the way (nat64_lab.py)."""

import json
import subprocess
import time

import harness
import nat64_lab
import pytest
from harness import Scratch
from nat64_lab import DOMAIN, IPV4_ONLY, NOWHERE, PRIVATE, RESOLVERS, SPARE, SPECIFIC, WELL_KNOWN
from post_lab import Poster, PostingAgent
from post_service import X_V2, Certificates, Service
from post_verifier import oauthlib

WHY_NOT = nat64_lab.why_not() or ("" if oauthlib else "needs python3-oauthlib (tests/deps.sh)")
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

PLAIN = RESOLVERS["plain"]
NAMES = [f"DNS:{name}.{DOMAIN}" for name in ("api", "private", "dual", "broken", "native")]


class Lab:
    """The network, and the same service behind IPv4 and behind IPv6."""

    def __init__(self, scratch):
        self.scratch = scratch
        certificates = Certificates(scratch)
        self.ca = certificates.ca
        context = certificates.context(*NAMES, f"IP:{IPV4_ONLY}")
        self.network = nat64_lab.Network(scratch)
        self.old, self.native = Service(context), Service(context)
        self.old.listen(self.network.v4.listener("0.0.0.0", 443))
        self.native.listen(self.network.v6.listener("::", 443))

    def close(self):
        self.old.close()
        self.native.close()

    def poster(self, resolver=PLAIN, host=f"api.{DOMAIN}", service="x", timeout="30s", **nat64):
        settings = {"nat64": {"prefix": "auto", **nat64}, "post": {"timeout": timeout}}
        wrapper = self.network.on_pi(resolver)
        url = f"https://{host}"
        return Poster(self.scratch, url, self.ca, service, wrapper=wrapper, settings=settings)

    def posts(self, **keys):
        """One message that must arrive. Returns (via, prefix)."""
        outcome = self.poster(**keys).post("Grüße von IPv6 ✓")
        assert outcome.result["result"] == "posted", outcome
        return outcome.via, outcome.prefix


@pytest.fixture(scope="module")
def place():
    scratch = Scratch()
    one = None
    try:
        one = Lab(scratch)
        yield one
    finally:
        if one:
            one.close()
        scratch.close()


@pytest.fixture
def lab(place, request):
    request.node.scratch = place.scratch  # a failed test shows its logs
    place.old.reset()
    place.native.reset()
    return place


@pytest.mark.parametrize("prefix", [WELL_KNOWN, SPECIFIC])
@pytest.mark.parametrize("service", ["x", "mastodon"])
def test_with_dns64(lab, prefix, service):
    assert lab.posts(resolver=RESOLVERS[prefix], service=service) == ("nat64", prefix)
    assert lab.old.texts() == ["Grüße von IPv6 ✓"]
    assert lab.old.peers[0].startswith("192.168.")  # the translator's pool


def ask_doctor(lab, **keys):
    """What the doctor says of the way to the service, on the Pi: (level, text)."""
    poster = lab.poster(service="mastodon", **keys)
    words = [*poster.wrapper, harness.BUILD / "hostingpid", "-c", poster.config, "--doctor", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    rows = json.loads(done.stdout)["findings"]
    return next((row["level"], row["text"]) for row in rows if "service" in row["what"])


def test_the_doctor_finds_the_way(lab):
    for prefix in (WELL_KNOWN, SPECIFIC):
        way = f"api.{DOMAIN} can be reached through NAT64, prefix {prefix}"
        assert ask_doctor(lab, resolver=RESOLVERS[prefix]) == ("good", way)
        assert ask_doctor(lab, prefix=prefix) == ("good", way)
    way = f"native.{DOMAIN} can be reached over IPv6"
    assert ask_doctor(lab, host=f"native.{DOMAIN}") == ("good", way)
    level, text = ask_doctor(lab)
    assert level == "attention" and "no NAT64 prefix is known here" in text


@pytest.mark.parametrize("prefix", [WELL_KNOWN, SPECIFIC])
def test_without_dns64(lab, prefix):
    """The prefix is configured, or a DNS64 server is asked for it."""
    assert lab.posts(prefix=prefix) == ("nat64", prefix)
    assert lab.posts(dns64=RESOLVERS[prefix], service="mastodon") == ("nat64", prefix)


def test_without_dns64_and_prefix(lab):
    """Nothing leads there, and the result says so at once."""
    outcome = lab.poster().post("one")
    assert outcome.code == 75 and outcome.via is None and outcome.seconds < 10
    assert not lab.old.connections


LENGTHS = ["fd64:6464::/32", "fd64:64:6400::/40", "fd64:64:64::/48", "fd64:64:64:6400::/56"]
LENGTHS += ["fd64:64:64:64::/64", "fd64:64:64:64:6:4::/96"]


@pytest.mark.parametrize("prefix", LENGTHS)
def test_every_length(lab, prefix):
    """Configured, discovered, and in the DNS64's answers; private addresses are welcome there."""
    number = 110 + LENGTHS.index(prefix)
    tayga = nat64_lab.Tayga(lab.scratch, lab.network.gw, prefix, number).start()
    resolver = lab.network.resolver(SPARE, prefix)
    try:
        assert lab.posts(prefix=prefix) == ("nat64", prefix)
        lab.old.reset()
        assert lab.posts(dns64=SPARE, host=f"private.{DOMAIN}") == ("nat64", prefix)
        lab.old.reset()
        assert lab.posts(resolver=SPARE, host=f"private.{DOMAIN}") == ("nat64", prefix)
    finally:
        resolver.close()
        tayga.close()


def test_first_prefix_is_dead(lab):
    outcome = lab.poster(prefix=f"{NOWHERE}, {SPECIFIC}", timeout="5s").post("one")
    assert (outcome.result["result"], outcome.via, outcome.prefix) == ("posted", "nat64", SPECIFIC)
    assert outcome.seconds < 5


def test_ipv4_literal(lab):
    assert lab.posts(host=IPV4_ONLY, prefix=SPECIFIC) == ("nat64", SPECIFIC)
    lab.old.reset()
    assert lab.posts(host=IPV4_ONLY, resolver=RESOLVERS[WELL_KNOWN]) == ("nat64", WELL_KNOWN)


@pytest.mark.parametrize("how", ["configured", "discovered", "literal"])
def test_private_address_behind_the_well_known_prefix(lab, how):
    keys = {
        "configured": {"host": f"private.{DOMAIN}", "prefix": WELL_KNOWN},
        "discovered": {"host": f"private.{DOMAIN}", "resolver": RESOLVERS[WELL_KNOWN]},
        "literal": {"host": PRIVATE, "prefix": WELL_KNOWN},
    }
    outcome = lab.poster(**keys[how]).post("one")
    assert outcome.code == 75 and outcome.detail.startswith(f"{PRIVATE} is not a global address")
    assert "RFC 6052" in outcome.detail
    assert outcome.via is None and not lab.old.connections


def test_native_is_preferred(lab):
    """Also where a prefix is configured or known; the DNS64 leaves such names alone."""
    for keys in {"prefix": WELL_KNOWN}, {"resolver": RESOLVERS[WELL_KNOWN]}:
        lab.native.reset()
        assert lab.posts(host=f"dual.{DOMAIN}", **keys) == ("ipv6", None)
    lab.native.reset()
    assert lab.posts(host=f"native.{DOMAIN}") == ("ipv6", None)
    assert lab.native.peers == [nat64_lab.PI] and not lab.old.connections


def test_native_is_broken(lab):
    for resolver in PLAIN, RESOLVERS[SPECIFIC]:
        prefix = WELL_KNOWN if resolver == PLAIN else "auto"
        poster = lab.poster(resolver, f"broken.{DOMAIN}", timeout="5s", prefix=prefix)
        outcome = poster.post(f"over {resolver}")
        assert (outcome.result["result"], outcome.via) == ("posted", "nat64")
        assert outcome.prefix == (WELL_KNOWN if resolver == PLAIN else SPECIFIC)
        assert outcome.seconds < 5


def test_resolver_is_silent(lab):
    """libcurl alone would wait for ten seconds, and say nothing when it is killed meanwhile."""
    resolver = lab.network.resolvers["plain"]
    ways = {"prefix": WELL_KNOWN}, {"dns64": PLAIN}
    posters = [lab.poster(timeout="5s", **keys) for keys in ways]
    resolver.stop()
    try:
        before = time.monotonic()
        waiting = [(poster, poster.spawn("one")) for poster in posters]
        outcomes = [poster.outcome(popen, before) for poster, popen in waiting]
    finally:
        resolver.cont()
    for outcome in outcomes:
        assert outcome.code == 75 and outcome.via is None and outcome.seconds < 10
        assert "before anything was sent" in outcome.detail


def test_dns64_is_silent(lab):
    """The server that should know the prefix: the system's resolver is asked instead."""
    silent = lab.network.resolvers[SPECIFIC]
    silent.stop()
    try:
        keys = {"resolver": RESOLVERS[WELL_KNOWN], "dns64": RESOLVERS[SPECIFIC], "timeout": "20s"}
        assert lab.posts(**keys) == ("nat64", WELL_KNOWN)
    finally:
        silent.cont()


def test_translator_is_silent(lab):
    tayga = lab.network.taygas[SPECIFIC]
    tayga.stop()
    try:
        outcome = lab.poster(prefix=SPECIFIC, timeout="5s").post("one")
    finally:
        tayga.cont()
    assert outcome.code == 75 and outcome.status is None and outcome.seconds < 12
    assert outcome.detail.startswith("2001:db8:64::")  # the way that is broken, not the last one
    assert "may have arrived" not in outcome.detail and not lab.old.requests
    assert lab.posts(prefix=SPECIFIC) == ("nat64", SPECIFIC)


def test_wrong_name_in_the_certificate(lab):
    for keys in {"prefix": SPECIFIC}, {"resolver": RESOLVERS[WELL_KNOWN]}:
        outcome = lab.poster(host=f"wrong.{DOMAIN}", **keys).post("one")
        assert outcome.code == 75 and "wrong.birdsite.example" in outcome.detail
        assert "may have arrived" not in outcome.detail
    assert not lab.old.requests


def test_signature_is_for_the_name(lab):
    """Host header and signature name the service, never the address behind the prefix."""
    lab.posts(prefix=WELL_KNOWN)
    (request,) = lab.old.requests
    assert request.url == f"https://api.{DOMAIN}{X_V2}"


@pytest.mark.parametrize("service", ["x", "mastodon"])
def test_daemon_tells_its_start(lab, service):
    """The whole way, also an operator's message. With -s the transcript can be seen."""
    prefix = WELL_KNOWN if service == "x" else SPECIFIC
    poster = lab.poster(service=service)  # for its configuration
    wrapper = lab.network.on_pi(RESOLVERS[prefix])
    agent = PostingAgent(lab.scratch, poster, f"agent-{service}", wrapper).start()
    try:
        harness.wait_until(lambda: len(lab.old.posts) == 1)
        words = [harness.BUILD / "hostingpictl", "--socket", agent.run_dir / "control.sock"]
        words += ["post", "--wait", "Grüße von IPv6 ✓"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        status = agent.post_status()
        assert not list(agent.run_dir.glob("outbox/*.json"))
    finally:
        agent.close()
    seen = {"texts": lab.old.texts(), "status": status}
    print(done.stdout, json.dumps(seen, ensure_ascii=False, indent=1))
    assert lab.old.texts()[0].startswith("hostingpi3 is up, ")
    assert lab.old.texts()[1] == "Grüße von IPv6 ✓"
    assert [(one["result"], one["via"], one["prefix"]) for one in status["recent"]] == 2 * [
        ("posted", "nat64", prefix)
    ]
    assert not lab.native.connections
