# SPDX-License-Identifier: MIT
"""The visitors: a seeded trace of requests, played against the balancer.

Theory of operation: an open loop. When a visitor comes, and what for, is drawn from the seed before
the run starts; nobody waits for the answers of others, as real visitors do not. So every arm with
the same seed is asked for the same things at the same times. A visitor leaves after PATIENCE_S: an
answer that comes later is no good answer.
"""

import asyncio
import collections
import random
import threading
import time

PATIENCE_S = 10.0
MARKER = b"<!-- end -->"

Request = collections.namedtuple("Request", "at path")
Answer = collections.namedtuple("Answer", "at status seconds good")  # status 0: no answer

# Requests per second from each time on, straight lines between (seconds, requests/s): calm, a flash
# crowd, calm again. A page takes 10 to 14 MB for about 2.5 s, nearly all of it waiting: an emulated
# processor is too slow for a crowd that computes.
CROWD = (6, 46)
RATE = ((0, 2.0), (6, 2.0), (8, 9.0), (44, 9.0), (46, 2.0), (300, 2.0))
ASSET_SHARE = 0.2  # of all requests: a file of 512 KB, which keeps the page cache in use
ASSETS = 48


def rate_at(second):
    for (begin, low), (end, high) in zip(RATE, RATE[1:]):
        if begin <= second < end:
            return low + (high - low) * (second - begin) / (end - begin)
    return 0.0


def trace(seed, seconds):
    """Poisson arrivals of a changing rate, by thinning."""
    draw = random.Random(seed)
    highest = max(rate for _, rate in RATE)
    requests = []
    at = draw.expovariate(highest)
    while at < seconds:
        if draw.random() * highest < rate_at(at):
            if draw.random() < ASSET_SHARE:
                path = f"/asset{draw.randrange(ASSETS)}.bin"
            else:
                path = f"/page.php?mb={draw.randint(10, 14)}&ms={draw.randint(2200, 2800)}"
            requests.append(Request(at, path))
        at += draw.expovariate(highest)
    return requests


async def _fetch(port, path):
    """(status, whole): one HTTP/1.0 request; whole: the page came to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: pi\r\n\r\n".encode())
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length, tail = 0, b""
        while chunk := await reader.read(65536):
            length += len(chunk)
            tail = (tail + chunk)[-64:]
    finally:
        writer.close()
    status = int(head.split(None, 2)[1])
    whole = MARKER in tail if ".php" in path else length > 500_000
    return status, whole


async def _visit(port, start, request, answers):
    await asyncio.sleep(max(0.0, start + request.at - time.monotonic()))
    began = time.monotonic()
    try:
        status, whole = await asyncio.wait_for(_fetch(port, request.path), PATIENCE_S)
    except (OSError, ValueError, IndexError, asyncio.TimeoutError, asyncio.IncompleteReadError):
        status, whole = 0, False
    seconds = time.monotonic() - began
    answers.append(Answer(request.at, status, seconds, status == 200 and whole))


async def _visit_all(port, start, requests, answers):
    await asyncio.gather(*(_visit(port, start, request, answers) for request in requests))


class Load:
    """Plays a trace in a thread of its own."""

    def __init__(self, port, seed, seconds):
        self.requests = trace(seed, seconds)
        self.answers = []
        self.start = time.monotonic()
        play = _visit_all(port, self.start, self.requests, self.answers)
        self.thread = threading.Thread(target=asyncio.run, args=(play,), daemon=True)
        self.thread.start()

    def elapsed(self):
        return time.monotonic() - self.start

    def finish(self):
        self.thread.join(PATIENCE_S + 30)
        return self.answers


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def summary(answers, begin, end):
    """The figures of the answers to visitors that came in [begin, end) seconds."""
    seen = [answer for answer in answers if begin <= answer.at < end]
    good = [answer.seconds for answer in seen if answer.good]
    return {
        "asked": len(seen),
        "good": len(good),
        "good_per_s": round(len(good) / (end - begin), 2),
        "refused": sum(500 <= answer.status <= 599 for answer in seen),
        "lost": sum(not answer.good and answer.status < 500 for answer in seen),
        "p50_s": round(percentile(good, 0.5), 2) if good else None,
        "p99_s": round(percentile(good, 0.99), 2) if good else None,
    }
