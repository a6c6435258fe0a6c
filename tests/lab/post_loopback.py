# SPDX-License-Identifier: MIT
"""The stand-in service on loopback, and posters that talk to it."""

import socket

import harness
from post_lab import Poster
from post_service import Certificates, Service

FAMILY = harness.families()[0]
HOST = harness.url_host(FAMILY)
VIA = "ipv6" if FAMILY == socket.AF_INET6 else "ipv4"


class Loopback(Service):
    def __init__(self):
        self.scratch = harness.Scratch()
        certificates = Certificates(self.scratch)
        super().__init__(certificates.context("IP:::1", "IP:127.0.0.1"))
        self.ca = certificates.ca
        listener = socket.create_server((HOST.strip("[]"), 0), family=FAMILY)
        self.base_url = f"https://{HOST}:{listener.getsockname()[1]}"
        self.listen(listener)

    def poster(self, kind="x", **settings):
        return Poster(self.scratch, self.base_url, self.ca, kind, settings=settings)

    def close(self):
        super().close()
        self.scratch.close()
