# SPDX-License-Identifier: MIT
"""What the README and the manual show is fed to the programs it is meant for."""

import re
import subprocess
import textwrap

import pytest
from harness import BUILD, REPO
from process import program

# What Debian's haproxy.cfg has before the backend that we show.
HAPROXY_BEFORE = """\
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend web
  bind 127.0.0.1:1
  default_backend pis
"""


def readme_block(start):
    """The indented block of README.md that begins with a line of this text."""
    text = (REPO / "README.md").read_text(encoding="utf-8")
    match = re.search(rf"^    {re.escape(start)}.*\n(?:(?:    .*)?\n)*", text, re.MULTILINE)
    assert match, f"README.md shows no block that begins with {start}"
    return textwrap.dedent(match.group(0)).strip() + "\n"


def man_block(page, start):
    text = (REPO / "man" / page).read_text(encoding="utf-8")
    for block in re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed", text, re.MULTILINE):
        if block.startswith(start):
            return block.replace("\\e", "\\")
    raise AssertionError(f"{page} shows no block that begins with {start}")


@pytest.mark.parametrize("where", ["README.md", "hostingpid.8"])
def test_haproxy_takes_it(tmp_path, where):
    block = (
        readme_block("backend pis") if where == "README.md" else man_block(where, "backend pis")
    )
    config = tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY_BEFORE + block)
    done = subprocess.run(
        [program("haproxy"), "-c", "-f", config], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    for word in ("weight 100", "agent-check", "agent-port 9777", 'agent-send "lb1/pis\\n"'):
        assert word in block


@pytest.mark.parametrize("where", ["README.md", "hostingpi.conf.5"])
def test_nginx_takes_it(tmp_path, where):
    start = "location = /nginx_status"
    block = readme_block(start) if where == "README.md" else man_block(where, start)
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; server {{ listen unix:{tmp_path}/sock; {block} }} }}\n"
    )
    done = subprocess.run(
        [program("nginx"), "-t", "-q", "-p", tmp_path, "-c", config],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    for who in ("::1", "127.0.0.1", "unix:"):
        assert f"allow {who};" in block


def test_our_own_samples(tmp_path):
    samples = {
        "readme.conf": readme_block("[control]"),
        "man.conf": man_block("hostingpi.conf.5", "[control]"),
        "sample.conf": (REPO / "systemd/hostingpi.conf").read_text(encoding="utf-8"),
        # The sample with everything in it switched on.
        "all.conf": re.sub(
            r"^#(?=\w+ = )",
            "",
            (REPO / "systemd/hostingpi.conf").read_text(encoding="utf-8"),
            flags=re.MULTILINE,
        ),
    }
    for name, text in samples.items():
        (tmp_path / name).write_text(text)
        # The files that they name are not on this machine: as with another root.
        done = subprocess.run(
            [BUILD / "hostingpid", "-c", tmp_path / name, "-t", "--root", "/"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

