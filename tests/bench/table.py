# SPDX-License-Identifier: MIT
"""Plain text tables: the first column to the left, numbers to the right."""


def _text(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)


def table(header, rows):
    """Lines of a table; header may have several lines per cell, separated by newlines."""
    cells = [[_text(value) for value in row] for row in rows]
    titles = [title.split("\n") for title in header]
    height = max(len(title) for title in titles)
    titles = [[""] * (height - len(title)) + title for title in titles]
    widths = [
        max(len(text) for text in [*titles[i], *(row[i] for row in cells)])
        for i in range(len(header))
    ]
    lines = [[title[level] for title in titles] for level in range(height)] + cells
    return [
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    ]


def ratio(value, base, digits=2):
    """value / base, or None if there is nothing to divide."""
    return round(value / base, digits) if value is not None and base else None
