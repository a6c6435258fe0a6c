# SPDX-License-Identifier: MIT
"""The load program of `make bench-fleet`: it runs, everything arrives, and an outage costs nothing.

Counts only: how fast anything is belongs to the bench.
"""

import collections
import sys

import pytest

from harness import BUILD, REPO
from process import Scratch, wait_until

sys.path.insert(0, str(REPO / "tests" / "bench"))
fleet_lab = pytest.importorskip("fleet_lab")

AGENTS = 10
SAMPLES = 3


@pytest.fixture(scope="module")
def stage():
    if not (BUILD / "bench" / "fleet").exists():
        pytest.fail("build/plain/bench/fleet is missing: type make bench-programs")
    scratch = Scratch()
    yield fleet_lab.Stage(scratch, AGENTS, fleet_lab.record_messages(scratch))
    scratch.close()


def arrived(stage):
    """{agent: {seq}} of all that came as state or history."""
    seen = collections.defaultdict(set)
    for record in stage.watch.read():
        seen[record.agent].add(record.seq)
    return seen


def complete(stage, newest):
    """Whether each agent's samples are all there, up to that one at least."""
    seen = arrived(stage)
    return len(seen) == AGENTS and all(seqs >= set(range(1, newest + 1)) for seqs in seen.values())


def test_everything_arrives(stage):
    wait_until(lambda: complete(stage, SAMPLES), 60, what=f"{SAMPLES} samples of each agent")
    came = {(r.agent, r.seq): r.size for r in stage.watch.select(fleet_lab.STATE)}

    def sent():  # its records are a moment late
        return {(r.agent, r.seq): r.size for r in stage.fleet.select(fleet_lab.STATE)}

    wait_until(lambda: came.keys() <= sent().keys(), what="the record of what was sent")
    assert came.items() <= sent().items(), "a document came in another size"


def test_no_agent_samples_with_all_others(stage):
    phases = {record.at_us % 1_000_000 // 1000 for record in stage.fleet.select(fleet_lab.STATE)}
    assert len(phases) > 1


def test_outage_is_replayed(stage):
    newest = max(max(seqs) for seqs in arrived(stage).values())
    gone = fleet_lab.now_us()
    stage.broker.kill()
    wait_until(
        lambda: {r.agent for r in stage.fleet.select(fleet_lab.LOST, gone)} == set(range(AGENTS)),
        what="all agents to notice",
    )
    # The subscriber must be back before the first agent, or it has reason to miss something.
    stage.fleet.stop()
    before = stage.watch.subscriptions()
    stage.broker.start()
    wait_until(lambda: stage.watch.subscriptions() > before, what="the subscriber to be back")
    stage.fleet.cont()
    stage.fleet.wait_up(gone)
    wait_until(lambda: complete(stage, newest + SAMPLES), 60, what="samples of the outage")
