# SPDX-License-Identifier: MIT
"""A thousand connections of junk at both ports while two real HAProxys poll: they must not notice.

The long form with its table is `make bench-junk`."""

import harness
import junk_lab
import nat64_lab
import pytest

COUNT = 1000


def why_not():
    missing = [name for name in ("haproxy", "unshare", "nsenter", "ip") if not harness.program(name)]
    if missing:
        return f"not installed: {', '.join(missing)} (tests/deps.sh)"
    return nat64_lab.why_no_namespaces()


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


def test_balancers_do_not_notice(scratch):
    lab = junk_lab.Lab(scratch)
    found = lab.phases(COUNT, rate=500, calm_s=2, hold_s=4)
    during = found["during"]
    assert during["junk"]["made"] + during["junk"]["waiting"] == COUNT, during["junk"]
    for phase in found.values():
        assert phase["bad_checks"] == []
        assert phase["balancer_failures"] == 0
        assert phase["failed"] == 0
        assert phase["answers"] > 0
    # Fixed places: what a crowd may take is known before.
    assert during["descriptors"] <= lab.before + 128 + 32 + 40
    assert during["rss_kb"] <= found["before"]["rss_kb"] + 1024
    status = lab.agent.status()["notifiers"]
    assert status["http"]["displaced"] + status["http"]["late"] > 0
    names = {one["name"] for one in lab.agent.status()["notifiers"]["haproxy"]["balancers"]}
    assert {"lb1/pool", "lb2/pool"} <= names
