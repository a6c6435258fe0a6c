# SPDX-License-Identifier: MIT
"""hostingpi-post against a service on loopback: what each answer, and each lack of one, becomes."""

import datetime
import json
import signal
import time

import harness
import pytest
from post_loopback import FAMILY, HOST, VIA
from post_service import MASTODON, X_V11, X_V2, Fault
from post_verifier import oauthlib

pytestmark = pytest.mark.skipif(oauthlib is None, reason="needs python3-oauthlib (tests/deps.sh)")

def x_error(title, detail, status):
    return {"title": title, "detail": detail, "type": "about:blank", "status": status}


def old_error(code, message):
    return {"errors": [{"code": code, "message": message}]}


FORBIDDEN = x_error("Forbidden", "You are not permitted to perform this action.", 403)
X_TABLE = [
    # status, body, result, word of the detail
    (201, {"data": {"id": "77"}}, "posted", None),
    (200, {"data": {"id": "77"}}, "posted", None),
    (200, {"id_str": "77"}, "posted", None),
    (200, "<html>Please log in to the hotel's network</html>", "retry", "portal"),
    (200, "", "retry", "portal"),
    (202, {}, "retry", "is url right"),
    (301, "", "retry", "is url right"),
    (400, x_error("Invalid Request", "text is too long", 400), "rejected", "text is too long"),
    (401, x_error("Unauthorized", "Unauthorized", 401), "unauthorised", "credential_file"),
    (402, x_error("CreditsDepleted", "no credits", 402), "no_credit", "no credits"),
    (402, "", "no_credit", "credit"),
    (403, x_error("Forbidden", "duplicate content", 403), "duplicate", "already"),
    (403, old_error(187, "Status is a duplicate."), "duplicate", "already"),
    (403, x_error("Forbidden", "cashtags", 403), "rejected", "cashtags"),
    (403, FORBIDDEN, "rejected", "not permitted"),
    (403, old_error(453, "a subset of X API"), "unauthorised", "subset"),
    (403, "<html>blocked</html>", "rejected", "refuses"),
    (404, x_error("Not Found Error", "no such path", 404), "retry", "no such path"),
    (404, "", "retry", "is url right"),
    (408, "", "retry", "408"),
    (413, "", "rejected", "refuses"),
    (422, {"error": "Validation failed: Text can't be blank"}, "rejected", "blank"),
    (429, old_error(88, "Rate limit exceeded"), "retry", "Rate limit"),
    (500, "", "retry", "500"),
    (502, "<html>bad gateway</html>", "retry", "502"),
    (503, x_error("Service Unavailable", "over capacity", 503), "retry", "over capacity"),
]


@pytest.mark.parametrize("status, body, result, word", X_TABLE)
def test_answer(post_service, status, body, result, word):
    post_service.faults = [Fault("reply", status=status, body=body)]
    outcome = post_service.poster().post("one")
    assert (outcome.result["result"], outcome.status) == (result, status)
    assert outcome.detail is None if word is None else word in outcome.detail
    assert outcome.via == VIA and outcome.id == "lab-1"
    assert outcome.remote_id == ("77" if result == "posted" else None)
    assert post_service.connections == 1 and not outcome.stderr


def utc(offset_s, form):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(seconds=offset_s)).strftime(form)


def window(family, reset, remaining=0):
    return {f"{family}limit": "100", f"{family}remaining": remaining, f"{family}reset": reset}


def epoch(offset_s):
    return int(time.time()) + offset_s


LIMITS = {
    "window of 15 minutes": lambda: window("x-rate-limit-", epoch(600)),
    "a day of the application": lambda: window("x-app-limit-24hour-", epoch(600)),
    "a day of the user": lambda: window("x-user-limit-24hour-", epoch(600)),
    "day behind an open window": lambda: window("x-rate-limit-", epoch(9000), remaining=55)
    | window("x-user-limit-24hour-", epoch(600)),
    "Mastodon, ISO": lambda: window("X-RateLimit-", utc(600, "%Y-%m-%dT%H:%M:%S.000Z")),
    "Retry-After in seconds": lambda: {"Retry-After": "600"},
    "Retry-After as a date": lambda: {"Retry-After": utc(600, "%a, %d %b %Y %H:%M:%S GMT")},
    "the longest of several": lambda: {"Retry-After": "30"} | window("x-rate-limit-", epoch(600)),
}


@pytest.mark.parametrize("name", LIMITS)
def test_rate_limit(post_service, name):
    post_service.faults = [Fault("reply", status=429, headers=LIMITS[name]())]
    outcome = post_service.poster().post("one")
    assert (outcome.code, outcome.status) == (75, 429)
    assert 500 <= outcome.retry_after_s <= 600


def test_rate_limit_that_says_nothing_or_nonsense(post_service):
    nonsense = window("x-rate-limit-", "soon") | {"Retry-After": "-5"}
    post_service.faults = [Fault("reply", status=429), Fault("reply", status=429, headers=nonsense)]
    one = post_service.poster()
    assert [one.post("one").retry_after_s for _ in range(2)] == [None, None]


def test_overload_says_when(post_service):
    post_service.faults = [Fault("reply", status=503, headers={"Retry-After": "120"})]
    assert post_service.poster().post("one").retry_after_s == 120


BREAKS = [
    # stage, what the service has kept, may have arrived
    ("accept", False, False),
    ("handshake", False, False),
    ("headers", False, True),
    ("body", False, True),
    ("body", True, True),
    ("answer", False, True),
    ("answer", True, True),
]


@pytest.mark.parametrize("stage, keep, maybe", BREAKS)
def test_connection_breaks(post_service, stage, keep, maybe):
    post_service.faults = [Fault(stage, keep=keep)]
    one = post_service.poster()
    outcome = one.post("it breaks")
    assert outcome.result["result"] == "retry" and outcome.status is None
    assert ("may have arrived" in outcome.detail) == maybe
    assert outcome.via == (VIA if maybe else None)
    assert post_service.connections == 1  # no second try that nobody asked for
    # The same text again settles it.
    assert one.post("it breaks").result["result"] == ("duplicate" if keep else "posted")
    assert post_service.texts() == ["it breaks"]


@pytest.mark.parametrize("stage, keep, maybe", BREAKS)
def test_connection_breaks_mastodon(post_service, stage, keep, maybe):
    post_service.faults = [Fault(stage, keep=keep)]
    one = post_service.poster("mastodon")
    outcome = one.post("it breaks", "key-1")
    assert outcome.result["result"] == "retry" and ("may have arrived" in outcome.detail) == maybe
    again = one.post("it breaks", "key-1")
    assert again.result["result"] == "posted" and again.remote_id == "1000"
    assert post_service.texts() == ["it breaks"]
    assert one.post("it breaks", "key-2").remote_id == "1001"  # another message


def test_no_answer_in_time(post_service):
    post_service.faults = [Fault("hang"), Fault("hang", keep=True)]
    one = post_service.poster(post={"timeout": "5s"})
    waiting = {}
    for count, text in enumerate(("lost", "kept"), 1):
        waiting[text] = (one.spawn(text), time.monotonic())
        harness.wait_until(lambda: len(post_service.requests) == count)
    for text, (popen, since) in waiting.items():
        outcome = one.outcome(popen, since)
        assert outcome.code == 75 and outcome.status is None, text
        assert "may have arrived" in outcome.detail and 4 < outcome.seconds < 15
    assert post_service.texts() == ["kept"]
    assert one.post("lost").result["result"] == "posted"
    assert one.post("kept").result["result"] == "duplicate"
    assert post_service.texts() == ["kept", "lost"]


def test_hostile_complaints(post_service):
    """What a service says stands in the result, readable, in one line."""
    bodies = [json.dumps({"error": "ä" * 1000 + "x" * n}).encode() for n in (0, 1)]
    bodies += [b'{"error": "\xff\xfe\xc3"}', b'{"error": "a\\nb\\u0007c"}', b"\0" * 300]
    for body in bodies:
        post_service.faults = [Fault("reply", status=422, body=body)]
        outcome = post_service.poster().post("one")
        assert outcome.code == 65 and outcome.detail.isprintable()


def test_ended_by_a_signal(post_service):
    post_service.faults = [Fault("hang", keep=True)]
    popen = post_service.poster().spawn("on the way")
    harness.wait_until(lambda: post_service.requests)
    popen.send_signal(signal.SIGTERM)
    outcome = post_service.poster().outcome(popen)
    assert outcome.code == 75 and outcome.id == "lab-1" and "may have arrived" in outcome.detail


def test_form_of_v11(post_service):
    one = post_service.poster(x={"url": post_service.base_url + X_V11, "api": "v1.1"})
    text = "Grüße & 100 % + ein Ü? ✓ 日本 👩‍🚀 a=b"
    outcome = one.post(text)
    assert (outcome.result["result"], outcome.status) == ("posted", 200)
    assert one.post(text).result["result"] == "duplicate"
    assert post_service.texts() == [text]


def test_mastodon_request(post_service):
    one = post_service.poster("mastodon", mastodon={"visibility": "unlisted", "language": "de"})
    assert one.post("Grüße ✓", "pi3-17").result["result"] == "posted"
    (request,) = post_service.requests
    assert request.path == MASTODON and request.headers["idempotency-key"] == "pi3-17"
    assert b'"unlisted"' in request.body and b'"de"' in request.body


def test_wrong_certificate(post_service):
    """Another authority: nothing of the request leaves."""
    settings = {"x": {"ca_file": "/etc/ssl/certs/ca-certificates.crt"}}
    outcome = post_service.poster(**settings).post("secret")
    assert outcome.code == 75 and "certificate" in outcome.detail.lower()
    assert "may have arrived" not in outcome.detail and not post_service.requests


def test_nobody_listens(post_service):
    port = harness.free_port(FAMILY)
    outcome = post_service.poster(x={"url": f"https://{HOST}:{port}{X_V2}"}).post("one")
    assert outcome.code == 75 and outcome.via is None and outcome.status is None


def test_answer_that_does_not_end(post_service):
    post_service.faults = [Fault("reply", status=200, body="x" * 200_000)]
    outcome = post_service.poster().post("one")
    assert outcome.code == 75 and "too long" in outcome.detail


@pytest.mark.parametrize("word", ["--help", "--version", "--dry-run"])
def test_a_full_disk_is_told(post_service, word):
    one = post_service.poster()
    one.wrapper = ["sh", "-c", f'exec "$0" "$@" {word} >/dev/full']
    popen = one.spawn("what would be sent")
    _, stderr = popen.communicate(timeout=20)
    assert popen.returncode == 74 and b"standard output: No space left" in stderr
    assert not post_service.connections
