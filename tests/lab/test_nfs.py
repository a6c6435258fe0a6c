# SPDX-License-Identifier: MIT
"""A root on NFS whose server falls silent: the counters of the kernel, up to the balancer's answer."""

import os
import re
import shutil

import pytest

from harness import REPO, wait_until

BOARD = REPO / "tests" / "roots" / "pi4-nfs"
STATS = "proc/self/mountstats"


class Server:
    """Rewrites the counters of both connections in place, as the kernel's file is read."""

    def __init__(self, root):
        self.path = root / STATS
        self.text = self.path.read_text()
        self.sends, self.receives = 60234, 60231

    def count(self, sent, answered):
        self.sends += sent
        self.receives += answered
        text = re.sub(r"3 60234 60231 0", f"3 {self.sends} {self.receives} 0", self.text)
        fd = os.open(self.path, os.O_WRONLY)
        os.pwrite(fd, text.encode(), 0)
        os.ftruncate(fd, len(text))
        os.close(fd)


@pytest.fixture(name="root")
def copy_of_the_board(tmp_path):
    shutil.copytree(BOARD, tmp_path / "root", symlinks=True)
    return tmp_path / "root"


def test_silence_is_a_stall_and_an_answer_ends_it(start_agent, root):
    server = Server(root)
    agent = start_agent(
        {"nfs": {"stall_after": "1s"}, "requests": {"source": "none"}}, options=("--root", root)
    )
    wait_until(lambda: agent.status()["state"]["fs"].get("nfs_stalled") is False, what="a reading")
    assert agent.agent_check().startswith("up 100% ")

    server.count(sent=3, answered=0)
    wait_until(lambda: "storage fails" in agent.agent_check(), what="the hard level")
    status = agent.status()
    assert status["state"]["fs"]["nfs_stalled"] is True
    assert agent.agent_check().startswith("up 1% maxconn:1 # hard ")
    wait_until(lambda: "none was answered for" in agent.tail(), what="the event")

    server.count(sent=3, answered=3)
    wait_until(lambda: "answers requests again" in agent.tail(), what="the end of it")
    assert agent.status()["state"]["fs"]["nfs_stalled"] is False
    wait_until(lambda: "hard" not in agent.agent_check(), what="a better state")


def test_slow_answers_are_seen(start_agent, root):
    path = root / STATS
    text = path.read_text()
    agent = start_agent({"requests": {"source": "none"}}, options=("--root", root))
    wait_until(lambda: "nfs_timeouts" in agent.status()["state"]["fs"], what="a reading")
    # 10 reads more, of which two were sent again after a time-out, in 4,000 ms.
    before = "18204 18209 2 3932064 402120441 881 88120 91204 0"
    after = "18214 18221 4 3934224 402341341 881 92120 97204 0"
    assert before in text and len(before) == len(after)
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, text.replace(before, after).encode(), 0)
    os.close(fd)

    wait_until(lambda: agent.status()["state"]["fs"].get("nfs_rtt_ms") == 400, what="the mean")
    fs = agent.status()["state"]["fs"]
    assert (fs["nfs_retransmits"], fs["nfs_timeouts"]) == (2, 2)
    assert fs["nfs_execute_ms"] == 600
