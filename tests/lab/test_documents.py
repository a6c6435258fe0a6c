# SPDX-License-Identifier: MIT
"""The check of the documents (tests/documents.py) finds what is wrong, and only that."""

import subprocess
import sys

import pytest

from harness import REPO

GOOD = """\
# A head: with `code` & more

See [there](docs/other.md#second), [here](#a-head-with-code--more), <img src="docs/one.svg">, `make check T=parse`,
`make check-lab T=page`, `make check-boot T=restart,hold`, `make -j2 V=1 check`, `man hostingpid`, hostingpid(8), `hostingpictl --socket /run/x status`, `agent/ctl/*.c`,
`tests/unit/test-NAME.c`, `build/plain/hostingpid --doctor -t`, `hostingpictl status -- rsync --delete`, https://x.example/#y.

    make check-lab    # make nothing of it

We make sure that prose may say anything.
"""
BAD = [
    ("[x](docs/gone.md)", "no such file"),
    ('<img src="docs/gone.svg">', "no such file"),
    ("[x](docs/other.md#third)", "no such heading"),
    ("[x](#nowhere)", "no such heading"),
    ("`make chekc`", "no such target"),
    ("`make check T=prase`", "no such test"),
    ("`make check-lab T=pgae`", "no such test"),
    ("`man hostingpi`", "no such page"),
    ("hostingpid(7)", "no such page"),
    ("`hostingpictl stauts`", "no such command"),
    ("`hostingpid --docter`", "no such option"),
    ("`hostingpid -Z`", "no such option"),
    ("`agent/gone.c`", "no such file"),
    ("`agent/gone/`", "no such file"),
    ("`make -j2 V=1 chekc`", "no such target"),
    ("`make check-boot T=restart,sotp`", "'make check-boot T=sotp': no such test"),
    ("`make check-guest T=hold`", "no such test"),
    ("    make chekc", "no such target"),
    ("a dash \u2014 a long one", "em dash"),
]


@pytest.fixture(name="tree")
def small_repository(tmp_path):
    files = {
        "Makefile": "check: all\ncheck-lab:\ncheck-boot:\ncheck-guest:\n",
        "docs/other.md": "# First\n\n## Second\n",
        "docs/one.svg": "",
        "agent/ctl/main.c": '{"status", 1},\n',
        "man/hostingpid.8": ".Fl Fl doctor\n.It Fl t\n",
        "man/hostingpictl.1": ".Fl Fl socket\n",
        "tests/unit/test-parse.c": "",
        "tests/guest/checks_life.py": "def restart(lab):\n",
        "tests/boot/checks_start.py": "def hold_stays(_lab):\n",
        "tests/lab/test_one.py": "def test_page():\n",
        "build/deb/README.md": "[x](gone.md)\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def look(tree, text):
    (tree / "README.md").write_text(text, encoding="utf-8")
    words = [sys.executable, "-B", REPO / "tests/documents.py", tree]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_what_is_right(tree):
    done = look(tree, GOOD)
    assert (done.returncode, done.stdout) == (0, "2 documents and 2 manual pages checked\n"), done


@pytest.mark.parametrize("line, complaint", BAD)
def test_what_is_wrong(tree, line, complaint):
    done = look(tree, f"{GOOD}\n{line}\n")
    (said,) = done.stdout.splitlines()
    assert done.returncode == 1 and complaint in said
    assert said.startswith(f"README.md:{len(GOOD.splitlines()) + 2}: ")


@pytest.mark.parametrize(
    "line, complaint",
    [(".Xr hostingpictl 8", "no such page"), ("a \u2014 b", "em dash"), ("a \\(em b", "em dash")],
)
def test_what_is_wrong_in_a_page(tree, line, complaint):
    with open(tree / "man/hostingpid.8", "a", encoding="utf-8") as page:
        page.write(f"{line}\n")
    done = look(tree, GOOD)
    assert done.returncode == 1 and done.stdout.startswith("man/hostingpid.8:3: ") and complaint in done.stdout


def test_no_documents_is_an_error(tmp_path):
    (tmp_path / "Makefile").write_text("")
    words = [sys.executable, "-B", REPO / "tests/documents.py", tmp_path]
    assert subprocess.run(words, check=False, capture_output=True, timeout=60).returncode == 1
