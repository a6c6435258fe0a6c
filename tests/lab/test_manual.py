# SPDX-License-Identifier: MIT
"""What README, docs and manual show is fed to the programs it is meant for."""

import os
import pathlib
import re
import subprocess
import textwrap

import pytest
from harness import BUILD, REPO
from process import program
from web_servers import MODULES

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


DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (REPO / "docs").glob("*.md"))]
# What the first line of a fragment looks like that is not a comment, by the program that reads it.
KINDS = {
    "pool": r"\[www\]",
    "ours": r"\[\w+\]",
    "haproxy": r"backend ",
    "nginx": r"location ",
    "apache": r"<IfModule |SetEnvIf ",
}


def fragments(kind):
    """(document and line, text) of the indented blocks of all documents that are of this kind."""
    for name in DOCUMENTS:
        text = (REPO / name).read_text(encoding="utf-8")
        for block in re.finditer(r"(?<=\n\n)(?:    .*\n(?:\n(?=    ))*)+", text):
            code = textwrap.dedent(block.group(0))
            first = next((line for line in code.splitlines() if not line.startswith("#")), "")
            found = next((name for name, start in KINDS.items() if re.match(start, first)), None)
            if found == kind:
                yield f"{name}:{text.count(chr(10), 0, block.start()) + 1}", code


def parameters(kind):
    return [pytest.param(code, id=name) for name, code in fragments(kind)]


def test_every_kind_was_found():
    """Nothing is proven by a search that finds nothing."""
    assert {kind: len(list(fragments(kind))) > 0 for kind in KINDS} == dict.fromkeys(KINDS, True)
    assert len(list(fragments("ours"))) >= 6


def man_block(page, start):
    text = (REPO / "man" / page).read_text(encoding="utf-8")
    for block in re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed", text, re.MULTILINE):
        if block.startswith(start):
            return block.replace("\\e", "\\")
    raise AssertionError(f"{page} shows no block that begins with {start}")


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "block",
    [*parameters("haproxy"), pytest.param(man_block("hostingpid.8", "backend pis"), id="hostingpid.8")],
)
def test_haproxy_takes_it(tmp_path, block):
    config = tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY_BEFORE + block)
    done = run(program("haproxy"), "-c", "-f", config)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    for word in ("weight 100", "agent-check", "agent-port 9777", 'agent-send "lb1/pis\\n"'):
        assert word in block


NGINX = "location = /nginx_status"


@pytest.mark.parametrize(
    "block", [*parameters("nginx"), pytest.param(man_block("hostingpi.conf.5", NGINX), id="hostingpi.conf.5")]
)
def test_nginx_takes_it(tmp_path, block):
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; server {{ listen unix:{tmp_path}/sock; {block} }} }}\n"
    )
    done = run(program("nginx"), "-t", "-q", "-p", tmp_path, "-c", config)
    assert done.returncode == 0, done.stderr
    for who in ("::1", "127.0.0.1", "unix:"):
        assert f"allow {who};" in block


@pytest.mark.parametrize("block", parameters("apache"))
def test_apache_takes_it(tmp_path, block):
    names = ("mpm_prefork", "authz_core", "setenvif")
    if not program("apache2") or not (MODULES / "mod_mpm_prefork.so").exists():
        pytest.skip("apache2 with mpm_prefork is not installed")
    lines = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names]
    lines += [f"ServerRoot {tmp_path}", f"DefaultRuntimeDir {tmp_path}", "ServerName localhost"]
    lines += [f"PidFile {tmp_path}/pid", f"ErrorLog {tmp_path}/error.log", "Listen [::1]:1"]
    lines += [f"Define APACHE_LOG_DIR {tmp_path}", 'LogFormat "%h %r" combined', block]
    config = tmp_path / "apache.conf"
    config.write_text("\n".join(lines))
    done = run(program("apache2"), "-t", "-f", config)
    assert (done.returncode, done.stderr.strip()) == (0, "Syntax OK")


@pytest.mark.parametrize("block", parameters("pool"))
def test_php_fpm_takes_it(tmp_path, block):
    found = sorted(pathlib.Path("/usr/sbin").glob("php-fpm*"))
    if not found:
        pytest.skip("php-fpm is not installed")
    user = "user = nobody\ngroup = nogroup\n" if os.getuid() == 0 else ""
    config = tmp_path / "fpm.conf"
    config.write_text(f"[global]\nerror_log = {tmp_path}/e\n{block}\n{user}listen = {tmp_path}/s\n")
    done = run(found[-1], "-t", "-y", config)
    assert done.returncode == 0, done.stderr


SAMPLE = (REPO / "systemd/hostingpi.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        *parameters("ours"),
        pytest.param(man_block("hostingpi.conf.5", "[control]"), id="hostingpi.conf.5"),
        pytest.param(SAMPLE, id="sample"),
        pytest.param(re.sub(r"^#(?=\w+ = )", "", SAMPLE, flags=re.MULTILINE), id="all of the sample"),
    ],
)
def test_our_own_samples(tmp_path, text):
    config = tmp_path / "sample.conf"
    config.write_text(text)
    # The files that they name are not on this machine: as with another root.
    done = run(BUILD / "hostingpid", "-c", config, "-t", "--root", "/")
    assert done.returncode == 0, done.stderr

