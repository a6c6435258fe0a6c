# SPDX-License-Identifier: MIT
"""What X does with a signed request, by python3-oauthlib, which shares no code with ours."""

import contextlib
import time
import types

try:
    import oauthlib.oauth1
    from oauthlib.oauth1.rfc5849.endpoints import base
except ImportError:  # tests/deps.sh names the package; who needs it skips
    oauthlib = None

KEYS = {
    "consumer_key": "labConsumerKey0123456789",
    "consumer_secret": "labConsumerSecret-0123456789-abcdefghijklmnopqrst",
    "token": "1234567-labAccessToken0123456789",
    "token_secret": "labTokenSecret-0123456789-zyxwvutsrqponmlkji",
}
TOKEN = "labBearerToken-0123456789-abcdefghijklmnopqrstuvwxyz"  # of Mastodon
LIFETIME_S = 300  # X refuses older signatures, and those of tomorrow


def _validator(owner):
    class Validator(oauthlib.oauth1.RequestValidator):
        client_key_length = (10, 60)
        access_token_length = (10, 80)
        nonce_length = (15, 40)
        timestamp_lifetime = LIFETIME_S
        allowed_signature_methods = (oauthlib.oauth1.SIGNATURE_HMAC_SHA1,)
        # What a refused request is compared with, so that it takes as long as an accepted one.
        dummy_client = "dummy-client-000000000000"
        dummy_access_token = "dummy-token-0000000000000"

        @property
        def safe_characters(self):  # tokens of X hold '-'
            return super().safe_characters | {"-"}

        def validate_client_key(self, client_key, request):
            return client_key == KEYS["consumer_key"]

        def validate_access_token(self, client_key, token, request):
            return token == KEYS["token"]

        def get_client_secret(self, client_key, request):
            return owner.consumer_secret

        def get_access_token_secret(self, client_key, token, request):
            return KEYS["token_secret"]

        def validate_realms(self, *_, **__):
            return True

        def validate_timestamp_and_nonce(
            self, client_key, timestamp, nonce, request, request_token=None, access_token=None
        ):
            return owner.first_time((timestamp, nonce))

    return Validator()


class Verifier:
    """clock_offset_s: how far ahead of ours the clock of the service is."""

    def __init__(self):
        self.consumer_secret = KEYS["consumer_secret"]
        self.clock_offset_s = 0
        self.seen = set()
        self.replayed = False  # the last request used a nonce again
        self.trusts_nobody = False  # takes each nonce for used
        self.endpoint = oauthlib and oauthlib.oauth1.ResourceEndpoint(_validator(self))

    def first_time(self, key):
        self.replayed = self.trusts_nobody or key in self.seen
        self.seen.add(key)
        return not self.replayed

    @contextlib.contextmanager
    def _clock(self):
        """oauthlib asks time.time() and takes no other clock."""
        base.time = types.SimpleNamespace(time=lambda: time.time() + self.clock_offset_s)
        try:
            yield
        finally:
            base.time = time

    def refuse(self, request):
        """Why a request (url, headers, body) is refused, or "" where it is accepted."""
        headers = {
            "Authorization": request.headers.get("authorization", ""),
            "Content-Type": request.headers.get("content-type", ""),
        }
        body = request.body.decode()
        self.replayed = False
        with self._clock():
            fine, seen = self.endpoint.validate_protected_resource_request(
                request.url, "POST", body, headers
            )
        if fine:
            return ""
        if self.replayed:
            return "the nonce was used before"
        # Without a log it ended before the comparisons: parameters that lack or are out of time.
        wrong = [key for key, value in getattr(seen, "validator_log", {}).items() if not value]
        return "wrong " + (" and ".join(wrong) or "parameters")
