# SPDX-License-Identifier: MIT
"""docs/watch.svg: what hostingpictl watch shows, as a picture of the terminal.

Theory of operation: the program runs on the pseudo terminal of the tests (terminal.py), asks a made-up
agent (fake_agent.py), and the cells of its screen become text of an SVG, each run of equal colours one
element at its own column, so that no font can move it. Bars and curves are drawn as rectangles for
the same reason: block characters of many fonts leave gaps. Two palettes, one for dark, one for light.

    python3 tests/lab/terminal_picture.py docs/watch.svg
"""

import html
import pathlib
import sys
import time

import fake_agent
import harness
from terminal import Terminal

ROWS, COLUMNS = 41, 104
WIDTH, HEIGHT = 8.4, 17  # of a cell; 14 px of a monospaced font
MARGIN = 14
# SGR numbers: class, and its colours on a dark and on a light ground.
COLOURS = {
    31: ("r", "#ff7b72", "#b3261e"),
    32: ("g", "#56d364", "#1a7f37"),
    33: ("y", "#e3b341", "#7d5600"),
    36: ("c", "#39c5cf", "#0b7285"),
}
PLAIN = ("p", "#e6edf3", "#1f2328")
FAINT = ("f", "#7d8590", "#6e7781")
GROUND = ("b", "#0d1117", "#ffffff")


def kind_of(pen):
    for number in pen:
        if number in COLOURS:
            return COLOURS[number][0]
    return FAINT[0] if 2 in pen else PLAIN[0]


def number(value):
    return f"{value:.1f}".rstrip("0").rstrip(".")


def rectangle(kind, column, row, width=1.0, height=1.0, top=None):
    """In cells; from the bottom of the row, or from top of it."""
    y = MARGIN + (row + (1 - height if top is None else top)) * HEIGHT
    x = MARGIN + column * WIDTH
    return (
        f'<rect class="{kind}" x="{number(x)}" y="{number(y)}" '
        f'width="{number(width * WIDTH)}" height="{number(height * HEIGHT)}"/>'
    )


def shape(character, kind, column, row):
    """A block character as a rectangle; None: it is a letter."""
    if "▁" <= character <= "█":
        return rectangle(kind, column, row, height=(ord(character) - 0x2580) / 8)
    if character == "░":
        return rectangle(kind + " h", column, row)
    if character == "─":
        return rectangle(kind, column, row, height=0.06, top=0.5)
    if character == "┃":
        return rectangle(kind, column + 0.35, row, width=0.3)
    return None


def runs(cells):
    """(column, text, pen) of cells that share a pen, without the blanks around them."""
    start = 0
    for end in range(1, len(cells) + 1):
        if end == len(cells) or cells[end][1] != cells[start][1]:
            yield start, "".join(character for character, _ in cells[start:end]), cells[start][1]
            start = end


def text_of(column, row, text, kind, bold):
    x = number(MARGIN + (column + len(text) - len(text.lstrip())) * WIDTH)
    y = number(MARGIN + row * HEIGHT + 13)
    length = number(len(text.strip()) * WIDTH)
    return (
        f'<text class="{kind}{" s" if bold else ""}" x="{x}" y="{y}" textLength="{length}">'
        f"{html.escape(text.strip(), quote=False)}</text>"
    )


def row_of(cells, row):
    for column, text, pen in runs(cells):
        kind = kind_of(pen)
        if 7 in pen:  # black on its colour
            yield rectangle(kind, column, row, width=len(text))
            yield text_of(column, row, text, GROUND[0], True)
            continue
        letters = ""
        for place, character in enumerate(text):
            drawn = shape(character, kind, column + place, row)
            if drawn:
                yield drawn
            letters += " " if drawn else character
        at = 0
        # Words that stand apart keep their columns.
        for part in letters.split("  "):
            if part.strip():
                yield text_of(column + at, row, part, kind, 1 in pen)
            at += len(part) + 2


def joined(shapes):
    """Rectangles of one kind side by side, at one height, are one: a tenth of the size."""
    done = []
    for line in shapes:
        if done and line.startswith("<rect") and done[-1].startswith("<rect"):
            a, b = done[-1].split('"'), line.split('"')
            if (a[1], a[5], a[9]) == (b[1], b[5], b[9]):
                end = float(a[3]) + float(a[7])
                if abs(end - float(b[3])) < 0.3:
                    a[7] = number(float(b[3]) + float(b[7]) - float(a[3]))
                    done[-1] = '"'.join(a)
                    continue
        done.append(line)
    return done


def style():
    kinds = [*COLOURS.values(), PLAIN, FAINT, GROUND]
    dark = "".join(f".{kind}{{fill:{colour}}}" for kind, colour, _ in kinds)
    light = "".join(f".{kind}{{fill:{colour}}}" for kind, _, colour in kinds)
    return (
        "<style>text{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;"
        "white-space:pre}.s{font-weight:bold}.h{opacity:.35}"
        f"{dark}@media(prefers-color-scheme:light){{{light}}}</style>"
    )


def picture(cells, title):
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(cells) * HEIGHT + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
        f'role="img" width="{number(width)}"><title>{html.escape(title)}</title>{style()}',
        '<rect class="b" width="100%" height="100%" rx="8"/>',
    ]
    for row, line in enumerate(cells):
        lines += joined(row_of(line, row))
    return "\n".join([*lines, "</svg>", ""])


def main(path):
    scratch = harness.Scratch()
    fake = fake_agent.FakeAgent(scratch.path / "fake.sock")
    words = (harness.BUILD / "hostingpictl", "--socket", fake.path, "watch")
    terminal = Terminal(*words, rows=ROWS, columns=COLUMNS, env={"TZ": "UTC"})
    try:
        terminal.wait_screen(lambda text: "q quit" in text and "card latency" in text, "a frame")
        time.sleep(0.5)  # the rest of its bytes
        text, cells = terminal.screen(), [list(row) for row in terminal.emulator.page.cells]
    finally:
        terminal.kill()
        scratch.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    state = "hostingpictl watch: a Pi that sheds load while a file synchronisation takes its memory"
    path.write_text(picture(cells, state), encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes\n{text}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
