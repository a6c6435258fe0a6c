# SPDX-License-Identifier: MIT
"""keepalived: its own test of the example, and its rules for what the check says.

Theory of operation: this kernel may have no IPVS, and then keepalived ends at once. So the commands of the
example are run as keepalived runs them (without a shell, as another user), and the exit code is read as
keepalived 2.2 does (keepalived.conf(5), misc_dynamic). Real weights in a kernel are in make check-vm-lvs.
"""

import pwd
import re
import shlex
import subprocess

import pytest

from example_lab import EXAMPLES, Lab
from harness import BUILD
from process import program, wait_until

CONFIG = EXAMPLES / "keepalived/keepalived.conf"
CONFIGURED = 100


def commands():
    """{real server: argv} of the example."""
    text = CONFIG.read_text(encoding="utf-8")
    found = re.findall(r'real_server (\S+) 80 \{.*?misc_path "([^"]+)"', text, re.DOTALL)
    return {server: shlex.split(command) for server, command in found}


def weight(lab, argv):
    """What keepalived would make of it: None for a failed check, else the weight in the table."""
    user = pwd.getpwnam("nobody")
    words = [BUILD / "hostingpictl", *argv[1:]]

    code = subprocess.run(
        [*lab.net.wrapper, "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
         "--clear-groups", *map(str, words)],
        capture_output=True, timeout=60, check=False,
    ).returncode
    if code == 0:
        return CONFIGURED  # unchanged: a check of ours never says that
    return None if code == 1 or code < 0 else code - 2


def test_keepalived_takes_it(scratch):
    if not program("keepalived"):
        pytest.skip("keepalived is not installed")
    # 2.2.7 kills itself in its test mode when scripts run as another user; and it looks whether the
    # program is there.
    text = CONFIG.read_text(encoding="utf-8").replace("script_user nobody", "script_user root")
    text = text.replace("/usr/bin/hostingpictl", str(BUILD / "hostingpictl"))
    path = scratch.file("keepalived.conf", text)
    done = subprocess.run([program("keepalived"), "-t", "-f", path], capture_output=True, text=True,
                          timeout=60, check=False)
    # It also ends with 0 or says something when it only warns.
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    # What it must refuse it does refuse, so the above says something.
    broken = scratch.file("broken.conf", text.replace("misc_dynamic", "misc_dynamics"))
    done = subprocess.run([program("keepalived"), "-t", "-f", broken], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode != 0


def test_each_server_is_asked_itself():
    for server, argv in commands().items():
        assert argv[0] == "/usr/bin/hostingpictl" and "--keepalived" in argv
        assert argv[-1] == (f"[{server}]:9778" if ":" in server else f"{server}:9778")
    assert len(commands()) == 4


def test_weights_under_its_rules(scratch):
    if not program("setpriv"):
        pytest.skip("needs setpriv")
    lab = Lab(scratch, http={"allow": "2001:db8::/64, 192.0.2.0/24"})
    one, two = lab.pis

    def table():
        return {server: weight(lab, argv) for server, argv in commands().items()}

    def becomes(pi1, pi2, what):
        wanted = {"2001:db8::1": pi1, "2001:db8::2": pi2, "192.0.2.1": pi1, "192.0.2.2": pi2}
        wait_until(lambda: table() == wanted, timeout=60, what=what)

    becomes(100, 100, "all at 100")
    one.press()
    becomes(60, 100, "less for pi1")
    two.drain()
    becomes(60, 0, "no new connections for pi2, which stays in the table")
    two.undrain()
    one.exhaust()
    becomes(1, 100, "pi1 at 1: it never leaves by itself where all are Pis")
    one.agent.kill()
    becomes(None, 100, "pi1 failed")


def test_mixed_fleet_leaves_at_the_hard_level(scratch):
    lab = Lab(scratch)
    one, two = lab.pis
    for pi in lab.pis:
        pi.agent.configure({"control": {"fleet": "mixed"}})
        pi.agent.reload()
    one.exhaust()
    wait_until(lambda: weight(lab, commands()["2001:db8::1"]) == 0, what="weight 0")
    assert weight(lab, commands()["192.0.2.2"]) == 100 == two.decision()["weight"]
