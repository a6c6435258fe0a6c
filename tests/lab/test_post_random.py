# SPDX-License-Identifier: MIT
"""A short form of `make check-post-random` (tests/post/faulty.py)."""

import pathlib
import random
import sys

import pytest
from post_verifier import oauthlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "post"))
import faulty  # noqa: E402

pytestmark = pytest.mark.skipif(oauthlib is None, reason="needs python3-oauthlib (tests/deps.sh)")


def test_nothing_twice_nothing_lost(monkeypatch):
    monkeypatch.setattr(faulty, "HANGS", 0)  # test_post_reactions.py has them
    seed = random.randrange(1 << 32)
    done = list(faulty.play_all(30, seed))
    lines, well = faulty.summary(done)
    print(f"seed {seed}", *lines, sep="\n")
    assert well, seed
