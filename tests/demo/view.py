# SPDX-License-Identifier: MIT
"""The live terminal view: plain ANSI sequences on the alternate screen, 80x24 is enough.

Theory of operation: a screen is a list of lines, a line a list of (style, text). It is laid out
anew from the stage four times a second and after each key, cut to the size that the terminal has at
that moment, and written in one piece. Keys are read one by one with signals from the keyboard
switched off, so that Ctrl-C is a key like q and the caller's make does not see it.
"""

import collections
import contextlib
import os
import re
import select
import shutil
import sys
import termios
import time
import tty

MIB = 1 << 20
STYLES = {"bold": "1", "dim": "2", "good": "32", "warn": "33", "bad": "31", "head": "1;36"}
STATE_STYLES = {"normal": "good", "recover": "warn", "shed": "warn", "hard": "bad", "hold": "warn"}
KEYS = " p pressure on/off   d drain   r ready   q quit"
BAR = 50
LABEL = ("dim", "scaled for this demonstration")


class Terminal:
    """The alternate screen; gives the terminal back as it was."""

    def __init__(self):
        self.colour = not os.environ.get("NO_COLOR")
        self.input = sys.stdin.fileno()
        self.saved = termios.tcgetattr(self.input)

    def __enter__(self):
        tty.setcbreak(self.input, termios.TCSANOW)
        attributes = termios.tcgetattr(self.input)
        attributes[3] &= ~(termios.ISIG | termios.IEXTEN)
        termios.tcsetattr(self.input, termios.TCSANOW, attributes)
        self._write("\x1b[?1049h\x1b[?25l\x1b[2J")
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._write("\x1b[0m\x1b[?25h\x1b[?1049l")
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self.input, termios.TCSANOW, self.saved)

    @staticmethod
    def _write(text):
        sys.stdout.write(text)
        sys.stdout.flush()

    def key(self, timeout):
        """One key, "" after timeout seconds, "q" for Ctrl-C or a terminal that is gone."""
        try:
            readable, _, _ = select.select([self.input], [], [], timeout)
            if not readable:
                return ""
            got = os.read(self.input, 1)
        except InterruptedError:
            return ""
        return got.decode("ascii", "ignore") if got not in (b"", b"\x03", b"\x04") else "q"

    def _line(self, segments, width):
        out = []
        for style, text in segments:
            text = "".join(c if c.isprintable() else "?" for c in text)[:width]
            width -= len(text)
            if self.colour and style in STYLES:
                text = f"\x1b[{STYLES[style]}m{text}\x1b[0m"
            out.append(text)
        return "".join(out) + "\x1b[K"

    def draw(self, lines):
        width, height = shutil.get_terminal_size()
        # The last column stays free: some terminals wrap there.
        shown = [self._line(line, width - 1) for line in lines[:height]]
        self._write("\x1b[H" + "\r\n".join(shown) + "\x1b[J")


def size_text(count):
    if not isinstance(count, (int, float)):
        return "unknown"
    for unit, factor in (("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1024)):
        if abs(count) >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{int(count)} B"


def number(document, group, name, text="{}", scale=1):
    value = document.get(group, {}).get(name)
    return text.format(value * scale) if isinstance(value, (int, float)) else "unknown"


def readings(stage):
    age, state = stage.document("state")
    if age is None:
        return [[("", "  nothing yet")]]
    mem, swap, net = state.get("mem", {}), state.get("swap", {}), state.get("net", {})
    own = state.get("self", {})
    swap_text = swap.get("kind", "unknown")
    if swap_text != "none":
        used, total = size_text(swap.get("used_bytes")), size_text(swap.get("total_bytes"))
        swap_text += f", {used} of {total}"
    available = f"{size_text(mem.get('available_bytes'))} of {size_text(mem.get('total_bytes'))}"
    temperature = number(state, "soc", "temp_c", "{:.1f} C")
    requests = number(state, "web", "requests_s", "{:.1f}/s, this demo's own")
    busy = number(state, "web", "busy_workers")
    received, sent = size_text(net.get("rx_bytes_s")), size_text(net.get("tx_bytes_s"))
    busy_time = number(state, "self", "cpu_ms_s", "{:.2f} ms/s")
    agent = f"{size_text(own.get('rss_bytes'))}, CPU {busy_time}"
    return [
        [("", f"  memory    {available} available"), ("dim", f"   swap {swap_text}")],
        [("", f"  chip      {temperature}"), ("dim", f"   network in {received}/s out {sent}/s")],
        [("", f"  requests  {requests}, {busy} at work"), ("dim", f"   agent {agent}")],
    ]


def headroom_bar(stage, decision):
    """The memory around the reserve line: left of it is what is never given away."""
    headroom = decision.get("headroom_bytes")
    budget = stage.headroom - stage.reserve
    low, high = stage.reserve - budget // 3, stage.headroom + budget // 10
    place = int(BAR * (stage.reserve - low) / (high - low))
    if headroom is None:
        return [[("", "  headroom  unknown")]]
    filled = max(0, min(BAR, int(BAR * (headroom - low) / (high - low))))
    cells = ["#" if i < filled else "." for i in range(BAR)]
    over = headroom - stage.reserve
    style = "good" if over > budget / 2 else "warn" if over > 0 else "bad"
    bar = [(style, "".join(cells[:place])), ("bold", "|"), (style, "".join(cells[place + 1 :]))]
    return [
        [("", "  headroom  ["), *bar, ("", f"] {over // MIB:+d} MiB")],
        [("dim", " " * (13 + place) + f"| reserve {size_text(stage.reserve)}, "), LABEL],
    ]


def outlook(stage, weight):
    """When memory or what is left before swap is used up, if it goes on like this; or ""."""
    left = weight.get("time_to_swap_s")
    if left is None or left >= 600:
        return ""
    _, state = stage.document("state")
    runs_out = state.get("swap", {}).get("kind") == "none"
    return f"{'memory runs out' if runs_out else 'swap'} in {left:.0f} s"


def decision_lines(stage):
    """What the agent decided, in one line, why in the next, and the bar."""
    _, weight = stage.document("weight")
    _, state = stage.document("state")
    word = weight.get("state", "unknown")
    headroom = state.get("mem", {}).get("headroom_bytes", weight.get("headroom_bytes"))
    style = STATE_STYLES.get(word, "bad")
    if word == "hold":
        text = "drained by the operator (key d)"
        why = "balancers are told to drain, until key r"
    else:
        text = f"weight {weight.get('weight', '?')} %  maxconn {weight.get('maxconn', '?')}"
        reason = weight.get("reason", "")
        words = ("everything fits" if reason == "ok" else reason, outlook(stage, weight))
        why = ", ".join(filter(None, words))
    return [
        [("", "  state     "), (style, word), ("", f": {text}")],
        [("", "  because   "), ("dim", why or "unknown")],
        *headroom_bar(stage, {"headroom_bytes": headroom}),
    ]


def balancer_lines(rows):
    lines = [[("dim", "  server  weight  maxconn  status          agent   answered, last 10 s")]]
    for row in rows:
        style = "good" if row["weight"] > 70 else "warn"
        lines.append(
            [
                ("", f"  {row['name']:<8}"),
                (style, f"{row['weight']:>6}"),
                ("", f"  {row['maxconn']:>7}  {row['status']:<14}  {row['agent']:<7}"),
                ("", f"{row['share']:4.0f} % " + "=" * int(row["share"] / 5)),
            ]
        )
    return lines


def screen(stage, rows, log, height):
    age, _ = stage.document("state")
    _, available = stage.document("availability")
    on = f"{stage.size // MIB} MiB of pressure ON" if stage.pressed else "no pressure"
    arrived = "no message yet" if age is None else f"{stage.seen} messages, newest {age:.1f} s ago"
    lines = [
        [("head", " hostingpi"), ("dim", "  all private, on loopback   "), ("bold", on)],
        [("head", " This machine, over MQTT  "), ("dim", f"{arrived}, {available or 'unknown'}")],
        *readings(stage),
        [],
        [("head", " Decision")],
        *decision_lines(stage),
        [],
        [("head", " HAProxy's own view  "), ("dim", "show servers state")],
        *balancer_lines(rows),
        [],
        [("head", " Events")],
    ]
    room = max(0, height - len(lines) - 1)
    newest = list(log)[-room:] if room else []
    for when, text in newest:
        lines.append([("dim", time.strftime("  %H:%M:%S ", time.localtime(when))), ("", text)])
    lines += [[] for _ in range(room - len(newest))]
    return [*lines[: height - 1], [("bold", KEYS)]]


def act(stage, key, log):
    """Does what a key asks for; False to quit."""
    if key == "q":
        return False
    text = None
    if key == "p" and stage.pressed:
        stage.release()
        text = "key p: pressure taken off"
    elif key == "p":
        stage.press()
        text = f"key p: a child takes {stage.size // MIB} MiB"
    elif key in ("d", "r"):
        verb = {"d": "drain", "r": "ready"}[key]
        stage.operator(verb)
        text = f"key {key}: hostingpictl {verb}"
    if text:
        log.append((time.time(), text))
    return True


def watch_balancer(rows, before, log):
    """Notes each change of weight or status as HAProxy has it.

    HAProxy counts its checks in the status ("UP 1/3"), above all while it starts: no change."""
    for row in rows:
        now = (row["weight"], re.sub(r" \d+/\d+$", "", row["status"]))
        old = before.get(row["name"], now)
        changes = []
        if old[0] != now[0]:
            changes.append(f"weight {old[0]} -> {now[0]}")
        if old[1] != now[1]:
            changes.append(f"status {old[1]} -> {now[1]}")
        if changes:
            log.append((time.time(), f"HAProxy: server {row['name']}: {', '.join(changes)}"))
        before[row["name"]] = now


def run(stage):
    """Shows the stage until q or Ctrl-C."""
    log = collections.deque(maxlen=200)
    log.append((time.time(), "everything started"))
    before = {}
    with Terminal() as terminal:
        while True:
            stage.check()
            stage.read_messages()
            if moved := stage.follow_others():
                log.append((time.time(), moved))
            while stage.transitions:
                log.append(stage.transitions.popleft())
            rows = stage.balancer_view()
            watch_balancer(rows, before, log)
            terminal.draw(screen(stage, rows, log, shutil.get_terminal_size().lines))
            if not act(stage, terminal.key(0.25), log):
                return
