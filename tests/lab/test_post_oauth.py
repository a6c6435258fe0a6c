# SPDX-License-Identifier: MIT
"""Signatures of hostingpi-post, judged by python3-oauthlib: thousands from tests/post/sign.c, which
signs with the same code in one process, and some through the program and the wire."""

import json
import random
import re
import socket
import ssl
import subprocess
import urllib.parse

import harness
import pytest
from post_service import X_V11, X_V2, Request, form
from post_verifier import KEYS, Verifier, oauthlib

pytestmark = pytest.mark.skipif(oauthlib is None, reason="needs python3-oauthlib (tests/deps.sh)")

SEED = random.randrange(1 << 32)
COUNT = 5000  # for each of the two forms
HOST = "api.birdsite.example"
# What breaks signatures that are escaped twice, not at all, or by another table.
RESERVED = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\n\t"
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ",
    RESERVED,
    "äöüßéèñçøåÆŁžĞığ°²½µ€–…“”",
    "日本語漢字かなカナ한국어ไทยעבריתالعربية",
    "😀🚀🌡🥧❤\ufe0f👩\u200d🚀🇩🇪👍🏽\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u0001\u007f\u0080\u00a0\u2028\ufeff\ufffd\U0010ffff",
]
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # the program refuses them
SPECIAL = [
    "",
    "Ladies + Gentlemen",
    "%25%41&oauth_signature=x&oauth_nonce=y",
    "a=b&c=d&&==",
    "oauth_token",
    "https://example.com/?q=1&r=%20#f",
    "x" * 280,
    "ü" * 280,
    "🚀" * 140,
    "&" * 280,
]


def texts(generator):
    """1 to 280 characters, of one alphabet or of all; the special ones first."""
    made = list(SPECIAL)
    while len(made) < COUNT:
        letters = generator.choice([*ALPHABETS, "".join(ALPHABETS)])
        made.append("".join(generator.choices(letters, k=generator.randint(1, 280))))
    return made


def sign(scratch, api, url, made):
    credentials = scratch.file("credentials", "".join(f"{k} = {v}\n" for k, v in KEYS.items()))
    credentials.chmod(0o600)
    done = subprocess.run(
        [harness.BUILD / "post" / "sign", api, url, credentials],
        input="".join(text + "\0" for text in made).encode(),
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for block in done.stdout.decode().split("\0")[:-1]:
        head, _, body = block.partition("\n\n")
        lines = dict(line.split(": ", 1) for line in head.splitlines())
        headers = {name.lower(): value for name, value in lines.items()} | {"host": HOST}
        yield Request(urllib.parse.urlsplit(url).path, headers, body.encode())


@pytest.mark.parametrize("api, path", [("v2", X_V2), ("v1.1", X_V11)])
def test_thousands(scratch, api, path):
    made = texts(random.Random(SEED))
    verifier = Verifier()
    count = 0
    for text, request in zip(made, sign(scratch, api, f"https://{HOST}{path}", made), strict=True):
        why = verifier.refuse(request)
        assert not why, (SEED, text, why)
        sent = form(request.body)["status"] if api == "v1.1" else json.loads(request.body)["text"]
        assert sent == text, SEED
        count += 1
    assert count == COUNT == len(verifier.seen)  # nonces are never used twice


def test_verifier_sees_every_change(scratch):
    """Otherwise it proves nothing: one more bit anywhere in what is signed is refused."""
    (request,) = sign(scratch, "v1.1", f"https://{HOST}{X_V11}", ["61 °C & fine"])
    assert not Verifier().refuse(request)
    header = request.headers["authorization"]
    changes = {
        "body": Request(request.path, request.headers, request.body + b"x"),
        "path": Request("/1.1/statuses/other.json", request.headers, request.body),
        "host": Request(request.path, {**request.headers, "host": "evil.example"}, request.body),
    }
    for name, value in re.findall(r'(oauth_\w+)="([^"]*)"', header):
        swapped = ("1" if value[0] != "1" else "2") + value[1:]
        changed = header.replace(f'{name}="{value}"', f'{name}="{swapped}"')
        headers = {**request.headers, "authorization": changed}
        changes[name] = Request(request.path, headers, request.body)
    assert len(changes) == 3 + 7
    for what, changed in changes.items():
        assert Verifier().refuse(changed), what


def test_through_the_program(post_service):
    generator = random.Random(SEED)
    made = [CONTROL.sub("", text).strip() for text in texts(generator)[len(SPECIAL) :]]
    made = [text for text in dict.fromkeys(made) if text and weight(text) <= 280][:25]
    for api, path in ("v2", X_V2), ("v1.1", X_V11):
        post_service.reset()
        one = post_service.poster(x={"url": post_service.base_url + path, "api": api})
        for text in made:
            outcome = one.post(text)
            assert outcome.result["result"] == "posted" and not outcome.cut, (SEED, text)
        assert post_service.texts() == made, SEED


def weight(text):
    """At least what twitter-text counts."""
    return sum(1 if ord(character) < 0x1100 else 2 for character in text)


def test_wrong_secret(post_service):
    one = post_service.poster()
    one.write_credentials(KEYS | {"consumer_secret": "labConsumerSecret-tampered"})
    outcome = one.post("one")
    assert outcome.code == 77 and outcome.result["result"] == "unauthorised"
    assert "credential_file" in outcome.detail and post_service.reasons == ["wrong signature"]
    one.write_credentials(KEYS | {"token": "7654321-anotherAccessToken000000"})
    assert one.post("one").code == 77 and not post_service.posts


@pytest.mark.parametrize("offset_s, word", [(600, "behind"), (-600, "ahead of")])
def test_clock_is_off(post_service, offset_s, word):
    """Ten minutes: refused, and told as what it is; it mends itself when the clock is set."""
    post_service.verifier.clock_offset_s = offset_s
    outcome = post_service.poster().post("one")
    assert (outcome.code, outcome.status) == (75, 401) and outcome.retry_after_s
    seconds = int(re.search(r"clock is (\d+) s", outcome.detail)[1])
    assert abs(seconds - 600) < 30 and word in outcome.detail
    assert not post_service.posts
    post_service.verifier.clock_offset_s = offset_s // 5  # two minutes are within the limit
    assert post_service.poster().post("one").result["result"] == "posted"


def test_replayed_request(post_service):
    """Byte for byte again, as an eavesdropper would; and a service that takes any nonce for used."""
    one = post_service.poster()
    assert one.post("one").result["result"] == "posted"
    (request,) = post_service.requests
    assert replay(post_service, request).startswith(b"HTTP/1.1 401")
    assert post_service.reasons == ["the nonce was used before"]
    post_service.verifier.trusts_nobody = True
    outcome = one.post("two")
    assert (outcome.code, outcome.status) == (77, 401)
    assert outcome.result["result"] == "unauthorised"
    assert post_service.texts() == ["one"]


def replay(service, request):
    address = urllib.parse.urlsplit(service.base_url)
    context = ssl.create_default_context(cafile=service.ca)
    lines = [f"POST {request.path} HTTP/1.1", *(f"{k}: {v}" for k, v in request.headers.items())]
    with socket.create_connection((address.hostname, address.port), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname=address.hostname) as tls:
            tls.sendall("\r\n".join([*lines, "", ""]).encode() + request.body)
            return tls.recv(4096)
