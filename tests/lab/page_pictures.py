# SPDX-License-Identifier: MIT
"""page_pictures.py FOLDER [DOCS]: pictures of the status page in scenes that never were.

With DOCS the two for the README are written there as well: the head of the page, with as many
pixels as their place in the README has.
"""

import pathlib
import subprocess
import sys
import tempfile

import browser as lab
from harness import BUILD

PICTURES = (
    ("light", "calm", {}),
    ("dark", "calm", {"dark": True}),
    ("phone", "shed", {"width": 390, "scale": 2}),
    ("phone-dark", "shed", {"width": 390, "scale": 2, "dark": True}),
    ("trouble", "trouble", {}),
    ("trouble-dark", "trouble", {"dark": True}),
    ("drained", "hold", {}),
    ("unknown", "unknown", {}),
    ("hostile", "hostile", {}),
    ("print", "trouble", {"media": "print", "width": 794}),
)


def main():
    if lab.obstacle():
        sys.exit(f"page_pictures.py: {lab.obstacle()}")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    page = BUILD / "lab" / "page"
    policy = subprocess.run([page, "policy"], check=True, capture_output=True).stdout.decode()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        browser = lab.Browser(pathlib.Path(scratch))
        server = lab.PageServer(b"", policy.strip())
        for name, scene, look in PICTURES:
            server.page = subprocess.run([page, scene], check=True, capture_output=True).stdout
            browser.look(**look)
            browser.get(server.url)
            browser.picture(folder / f"{name}.png")
            print(folder / f"{name}.png")
        for name in ("light", "dark") if len(sys.argv) > 2 else ():
            server.page = subprocess.run([page, "shed"], check=True, capture_output=True).stdout
            browser.look(width=960, dark=name == "dark")
            browser.get(server.url)
            path = pathlib.Path(sys.argv[2]) / f"status-page-{name}.png"
            # Down to the end of the first row of plots: 150 KB are much for a README.
            height = browser.run("return document.querySelectorAll('figure')[1]"
                                 ".getBoundingClientRect().bottom + scrollY + 24")
            browser.picture(path, height=height)
            print(path, path.stat().st_size)
        server.stop()
        browser.close()


if __name__ == "__main__":
    main()
