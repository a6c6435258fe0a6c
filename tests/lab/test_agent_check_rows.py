# SPDX-License-Identifier: MIT
"""What the installed HAProxy makes of each kind of agent-check line.

Theory of operation: each row has a server of its own, and all of them are polled at the same time.
All servers get BEFORE first, so that "nothing changes" differs from the configuration; then each
gets its line, and the runtime socket tells what came of it. Columns that a row does not name
must be as BEFORE left them.
"""

import threading

import agent_rows
import harness
import pytest

pytestmark = pytest.mark.skipif(
    harness.program("haproxy") is None, reason="haproxy is not installed (apt: haproxy)"
)

BEFORE = b"up 50% maxconn:7 # before\n"
SAME = {"weight": 50, "maxconn": 7, "status": "no check"}
GARBAGE = "agent warns : Trailing garbage in weight string"
INCOMPLETE = "Ignoring incomplete line from agent"
NUMBER = "agent warns : maxconn string empty or preceded by garbage"
DOWN, DRAIN, MAINT = ({"status": word} for word in ("DOWN (agent)", "DRAIN (agent)", "MAINT"))
LONG = b"x" * 20_000  # longer than HAProxy's buffer of 16 kB


def error(word):
    """An unknown word is shown, unless a health word takes that place."""
    return {"said": f"agent reports an error : {word}"}


def weight(percent, **more):
    return {"weight": percent, **more}


# name: (line, what differs from BEFORE)
ROWS = {
    "weight": (b"40%\n", weight(40, agent="CHECKED", said="")),
    "full line": (
        b"up 40% maxconn:3 # shed memory\n",
        weight(40, maxconn=3, agent="L7OK", said="via agent : up (shed memory)"),
    ),
    # Two of a kind: the last one wins.
    "two weights": (b"10% 20%\n", weight(20)),
    "two weights, down": (b"20% 10%\n", weight(10)),
    "two caps": (b"maxconn:4 maxconn:5\n", {"maxconn": 5}),
    "up then down": (b"up down\n", {**DOWN, "said": "via agent : down"}),
    "down then up": (b"down up\n", {"agent": "L7OK", "said": "via agent : up"}),
    "drain then maint": (b"drain maint\n", MAINT),
    "maint then drain": (b"maint drain\n", DRAIN),
    "maint then ready": (b"maint ready\n", {}),
    # Weights that are none.
    "fraction": (b"40.5%\n", {"said": GARBAGE}),
    "glued word": (b"40%up\n", {"said": GARBAGE}),
    "garbage, other words": (b"40.5% maxconn:3\n", {"maxconn": 3, "said": GARBAGE}),
    "no percent sign": (b"30 maxconn:3\n", {"maxconn": 3, **error("30")}),
    "negative": (b"-5% maxconn:3\n", {"maxconn": 3, **error("-5%")}),
    "percent alone": (b"%\n", error("%")),
    "300": (b"300%\n", weight(256)),
    "99999": (b"99999%\n", weight(256)),
    "zero": (b"0%\n", weight(0)),
    # Ends of a line.
    "LF": (b"40%\n", weight(40)),
    "CR": (b"40%\r", weight(40)),
    "CRLF": (b"40%\r\n", weight(40)),
    # NUL ends the search for an end, and what was found is called incomplete.
    "NUL": (b"40%\0", {"said": INCOMPLETE}),
    "NUL, LF": (b"40%\0\n", {"said": INCOMPLETE}),
    "no end": (b"40% maxconn:3", {"said": INCOMPLETE}),
    "leading LF": (b"\n40% maxconn:3\n", {"agent": "CHECKED", "said": ""}),
    "leading CR": (b"\r\n40% maxconn:3\n", {"agent": "CHECKED", "said": ""}),
    "empty line": (b"\n", {"agent": "CHECKED", "said": ""}),
    "spaces": (b" \t \n", {"agent": "CHECKED", "said": ""}),
    "second line": (b"40%\n10% maxconn:3 down\n", weight(40)),
    "after CR": (b"40%\rdown 10%\n", weight(40)),
    "20 kB": (LONG, {"said": INCOMPLETE}),
    "20 kB with a weight": (b"40% " + LONG, {"said": INCOMPLETE}),
    # No line.
    "zero bytes": (b"", {"agent": "L7RSP"}),
    "reset": (agent_rows.RESET, {"agent": "SOCKERR"}),
    # Separators, case, order.
    "comma, tab": (b",40%,,maxconn:3\tup \n", weight(40, maxconn=3, agent="L7OK")),
    "capitals": (b"UP MAXCONN:3 40%\n", weight(40, maxconn=3, said="via agent : UP")),
    "capital admin": (b"Drain 40%\n", weight(40, **DRAIN)),
    "backwards": (b"maxconn:3 40% up # text\n", weight(40, maxconn=3, agent="L7OK")),
    "admin, health": (b"down drain 40%\n", weight(40, **DOWN)),
    # The cap.
    "cap 0 is none": (b"maxconn:0\n", {"maxconn": 0}),
    "cap with a space": (b"maxconn: 5\n", error("5")),
    "cap without number": (b"maxconn:\n", {}),
    "cap of letters": (b"40% maxconn:abc\n", weight(40, said=NUMBER)),
    "cap with a tail": (
        b"maxconn:9x\n",
        {"said": "agent warns : Trailing garbage in maxconn string"},
    ),
    # Text for people: only beside a health word.
    "text": (b"40% # why\n", weight(40, agent="CHECKED", said="")),
    "text and up": (b"up # why and how\n", {"said": "via agent : up (why and how)"}),
    "text and fail": (b"fail # why\n", {**DOWN, "said": "via agent : fail (why)"}),
    "words in the text": (b"up 40% # down 10% maint\n", weight(40, agent="L7OK")),
    # Health and admin words.
    "fail": (b"fail\n", {**DOWN, "agent": "L7STS"}),
    "down": (b"down\n", {**DOWN, "agent": "L7STS"}),
    "stopped": (b"stopped\n", {**DOWN, "agent": "L7STS"}),
    "drain": (b"drain\n", {**DRAIN, "agent": "CHECKED"}),
    "maint": (b"maint\n", {**MAINT, "agent": "CHECKED"}),
    # Unknown words.
    "unknown word": (b"hello 40% maxconn:3\n", weight(40, maxconn=3, **error("hello"))),
    "unknown word, up": (b"up hello 40%\n", weight(40, agent="L7OK")),
    "HTTP": (b"HTTP/1.0 200 OK\r\n\r\n40%\n", error("HTTP/1.0")),
}
if agent_rows.haproxy_version() >= (3, 1):
    ROWS["weight:N%"] = (b"weight:30%\n", weight(30))
else:
    ROWS["weight:N"] = (b"weight:30 maxconn:3\n", {"maxconn": 3, **error("weight:30")})

NAMES = {row: f"rows/{number}" for number, row in enumerate(ROWS)}
WORDS = "PAGES weight 100 maxconn 44 agent-check"
BACKENDS = {
    "rows": ([], {name.split("/")[1]: WORDS for name in NAMES.values()}),
    "more": (["timeout check 100ms"], {"hang": WORDS}),
    "slow": ([], {"pieces": WORDS}),
}


@pytest.fixture(scope="module")
def module_rows():
    with agent_rows.Rows(BACKENDS, default=BEFORE) as rows:
        for name in [*NAMES.values(), "more/hang", "slow/pieces"]:
            rows.responder.wait(name)
        rows.before = {row: rows.see(name) for row, name in NAMES.items()}
        for row, name in NAMES.items():
            rows.responder.write(name, ROWS[row][0])
        yield rows


@pytest.fixture
def rows(module_rows, request):
    return agent_rows.guard(module_rows, request)


@pytest.mark.parametrize("row", ROWS)
def test_line(rows, row):
    assert SAME.items() <= rows.before[row].items()
    rows.responder.wait(NAMES[row])
    found = rows.see(NAMES[row])
    expected = {**SAME, **ROWS[row][1]}
    assert {key: found[key] for key in expected} == expected


def test_hang(rows):
    """No answer in time: the server stays as it was."""
    rows.say("more/hang", agent_rows.HANG)
    row = rows.balancer.stat()["more", "hang"]
    assert row["agent_status"].endswith("L7TOUT")
    assert (row["weight"], row["slim"], row["status"]) == ("50", "7", "no check")
    # ... and it is asked again.
    rows.say("more/hang", b"up 30% maxconn:2\n")
    harness.wait_until(lambda: rows.see("more/hang")["agent"] == "L7OK", what="the answer")
    found = rows.see("more/hang")
    assert (found["weight"], found["maxconn"]) == (30, 2)


def test_line_in_pieces(rows):
    """A line that comes in pieces counts when its end is there."""
    rest = threading.Event()
    rows.responder.write("slow/pieces", [b"up 30% max", rest, b"conn:2", b"\n"])
    rows.responder.wait("slow/pieces", 1)
    row = rows.balancer.stat()["slow", "pieces"]
    assert (row["weight"], row["slim"]) == ("50", "7")
    rest.set()
    rows.responder.wait("slow/pieces", 2)
    found = rows.see("slow/pieces")
    assert (found["weight"], found["maxconn"], found["agent"]) == (30, 2, "L7OK")
