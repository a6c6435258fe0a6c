# SPDX-License-Identifier: MIT
"""A stand-in for X and for a Mastodon instance: HTTPS that checks signatures, and faults on demand.

Theory of operation: one thread takes connections from a listening socket that somebody else made
(so that it may live in another network namespace), one thread serves each. What a service keeps
is kept: X refuses a text that it has, Mastodon knows the key of a request for ever. Faults are asked
for connection by connection: the service then behaves well up to a stage, and with keep it has taken the
message although its client never hears of it.
"""

import contextlib
import dataclasses
import http
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

from post_verifier import TOKEN, Verifier
from process import LabError, program

X_V2 = "/2/tweets"
X_V11 = "/1.1/statuses/update.json"
MASTODON = "/api/v1/statuses"
REFUSALS = (400, 403, 413, 422)  # answers after which a message is given up
LONGEST_S = 60


@dataclasses.dataclass
class Fault:
    """Ends the connection with a reset at a stage ("accept", "handshake", "headers", "body", "answer":
    in the middle of it), says nothing ("hang"), or something of its own ("reply")."""

    stage: str
    keep: bool = False
    status: int = 503
    headers: dict = dataclasses.field(default_factory=dict)
    body: object = ""


@dataclasses.dataclass
class Request:
    path: str
    headers: dict  # names in lower case
    body: bytes

    @property
    def url(self):
        return f"https://{self.headers['host']}{self.path}"


class Certificates:
    """An authority of our own, and certificates of it."""

    def __init__(self, scratch):
        self.folder = scratch.path
        self.ca = self._make("ca", "basicConstraints=critical,CA:TRUE")

    def _make(self, name, *extensions, signed=()):
        words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        words += ["-nodes", "-days", "2", "-subj", f"/CN=hostingpi lab {name}", *signed]
        words += ["-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.pem"]
        for extension in extensions:
            words += ["-addext", extension]
        subprocess.run([program("openssl"), *words], check=True, capture_output=True)
        return self.folder / f"{name}.pem"

    def context(self, *names):
        """For a server; names as in subjectAltName: "DNS:api.example", "IP:::1"."""
        signed = ["-CA", self.ca, "-CAkey", self.folder / "ca.key"]
        alternative = "subjectAltName=" + ",".join(names)
        leaf = "basicConstraints=critical,CA:FALSE"
        path = self._make("server", leaf, alternative, signed=signed)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, path.with_suffix(".key"))
        return context


class Service:
    """posts: (id, text) of everything that people would see, in its order."""

    def __init__(self, context):
        self.context = context
        self.verifier = Verifier()
        self.lock = threading.Lock()
        self.faults = []  # one for each next connection; None: behaves well
        self.choose = lambda: None  # the fault of a connection when there is none of those
        self.refusals = set()  # texts that were refused for ever
        self.posts = []
        self.keys = {}
        self.requests = []
        self.reasons = []  # why requests were refused, or no request came
        self.connections = 0
        self.peers = []
        self.listeners = []
        self.open = set()
        self.closing = False

    def listen(self, listener):
        self.listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def close(self):
        self.closing = True
        for one in [*self.listeners, *self.open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def reset(self):
        """As if it were new; connections that hang are ended."""
        with self.lock:
            self.faults, self.posts, self.keys = [], [], {}
            self.choose, self.refusals = lambda: None, set()
            self.requests, self.reasons, self.peers = [], [], []
            self.connections = 0
            self.verifier = Verifier()
            hanging = list(self.open)
        for one in hanging:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def texts(self):
        with self.lock:
            return [text for _, text in self.posts]

    # The wire

    def _accept(self, listener):
        while not self.closing:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.peers.append(peer[0])
                fault = self.faults.pop(0) if self.faults else self.choose()
            connection.settimeout(LONGEST_S)
            threading.Thread(target=self._serve, args=(connection, fault), daemon=True).start()

    def _serve(self, connection, fault):
        try:
            if fault and fault.stage == "accept":
                return reset(connection)
            if fault and fault.stage == "handshake":
                connection.recv(64)  # a part of the ClientHello
                return reset(connection)
            with self.context.wrap_socket(connection, server_side=True) as tls:
                self.open.add(tls)
                try:
                    self._talk(tls, fault)
                finally:
                    self.open.discard(tls)
        except (OSError, LabError) as error:  # ssl.SSLError is an OSError
            with self.lock:
                self.reasons.append(str(error))
        finally:
            connection.close()

    def _talk(self, tls, fault):
        stage = fault.stage if fault else None
        reader = tls.makefile("rb")
        path, headers = read_head(reader)
        if stage == "headers":
            return reset(tls)
        request = Request(path, headers, reader.read(int(headers.get("content-length", 0))))
        with self.lock:
            self.requests.append(request)
            if fault is None or fault.keep:
                status, document = self._take(request)
        if stage == "body":
            return reset(tls)
        if stage == "hang":
            tls.recv(1)  # until the client has enough of it
            return None
        if stage == "reply":
            if fault.status in REFUSALS:
                self.refusals.add(text_of(request))
            return tls.sendall(answer(fault.status, fault.body, fault.headers, self._now()))
        if stage == "answer":
            status, document = (status, document) if fault.keep else (503, {"title": "no"})
        data = answer(status, document, {}, self._now())
        if stage == "answer":
            tls.sendall(data[: len(data) - 5])
            return reset(tls)
        return tls.sendall(data)

    def _now(self):
        return time.time() + self.verifier.clock_offset_s

    # The services

    def _take(self, request):
        if request.path == MASTODON:
            return self._take_mastodon(request)
        why = self.verifier.refuse(request)
        if why:
            self.reasons.append(why)
            title = {"title": "Unauthorized", "type": "about:blank", "status": 401}
            return 401, {**title, "detail": "Unauthorized"}
        if request.path == X_V2:
            return self._take_x(text_of(request))
        if request.path == X_V11:
            return self._take_x_v11(text_of(request))
        return 404, {"title": "Not Found"}

    def _post(self, text):
        number = str(1000 + len(self.posts))
        self.posts.append((number, text))
        return number

    def _has(self, text):
        return any(text == other for _, other in self.posts)

    def _take_x(self, text):
        if self._has(text):
            detail = "You are not allowed to create a Tweet with duplicate content."
            return 403, {"title": "Forbidden", "status": 403, "detail": detail}
        return 201, {"data": {"id": self._post(text), "text": text}}

    def _take_x_v11(self, text):
        if self._has(text):
            return 403, {"errors": [{"code": 187, "message": "Status is a duplicate."}]}
        return 200, {"id_str": self._post(text), "text": text}

    def _take_mastodon(self, request):
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "The access token is invalid"}
        key = request.headers.get("idempotency-key")
        if key not in self.keys:
            self.keys[key] = self._post(text_of(request))
        return 200, {"id": self.keys[key], "visibility": "public"}


def text_of(request):
    if request.path == X_V11:
        return form(request.body)["status"]
    return json.loads(request.body)["text" if request.path == X_V2 else "status"]


def form(body):
    return dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))


def reset(sock):
    """The next thing the other side sees is ECONNRESET."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


def read_head(reader):
    words = reader.readline().split()
    if len(words) != 3 or words[0] != b"POST":
        raise LabError(f"no request but {words}")
    headers = {}
    while line := reader.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return words[1].decode(), headers


def answer(status, body, headers, now_s):
    """The bytes of an answer; a body that is neither bytes nor text is JSON."""
    text = body if isinstance(body, (bytes, str)) else json.dumps(body)
    data = text.encode() if isinstance(text, str) else text
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now_s))
    lines = {"Date": date, "Content-Type": "application/json", "Content-Length": len(data)}
    lines |= {"Connection": "close", **headers}
    with contextlib.suppress(ValueError):
        phrase = http.HTTPStatus(status).phrase
        head = [f"HTTP/1.1 {status} {phrase}", *(f"{key}: {value}" for key, value in lines.items())]
        return "\r\n".join([*head, "", ""]).encode() + data
    raise LabError(f"no such status: {status}")
