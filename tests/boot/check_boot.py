# SPDX-License-Identifier: MIT
"""`make check-boot`: the unit under a real systemd as process 1, in namespaces of this machine.

Theory of operation: a Debian of this machine's own architecture is started in namespaces (machine.py), our files are
installed in it (`make install`, or packages), and we are the rest of its world: broker, load balancers, services. The
checks are those of tests/guest where they say the same of both places, and some that need nothing of QEMU.
Nothing is installed or started on this machine.
"""

import argparse
import contextlib
import pathlib
import shutil
import sys
import time

sys.path[1:1] = [str(pathlib.Path(__file__).resolve().parents[1] / "guest")]

import where
import boot_root
import checks_install
import checks_life
import checks_places
import checks_secrets
import checks_start
import checks_unit
import image
import machine
import outside
import packages
from course import unmatched
from experiment import Experiment
from process import Scratch, program
from system_guest import ADDRESSES, HERE
from verdicts import BootCourse

TOOLS = ("mmdebstrap", "unshare", "nsenter", "ip", "mosquitto", "mosquitto_sub", "mosquitto_passwd", "openssl")
CAP = 24
TIDY = f"""rm -rf /etc/systemd/system/hostingpid.service.d {checks_secrets.SECRETS} {checks_start.BAD} {checks_secrets.CONF}
systemctl daemon-reload; systemctl kill -s CONT hostingpid; systemctl restart hostingpid; hostingpictl ready"""
# In this order; the longest one last. Short: what a change of the unit is most likely to break.
SHARED = (checks_install.account, checks_install.agent_check, checks_install.http_health, checks_install.exposure,
          checks_life.restart, checks_life.stop)  # fmt: skip
ALL = (*SHARED, *checks_unit.ALL, *checks_start.ALL, *checks_secrets.ALL, *checks_places.ALL, *checks_start.LAST)


def configuration():
    """All of the memory is reserve: the weight is the least one, and told from 100 %, although nobody takes memory."""
    words = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").split()
    total = int(words[words.index("MemTotal:") + 1]) << 10
    listen = f"[{ADDRESSES[machine.socket.AF_INET6]}]:9777, {ADDRESSES[machine.socket.AF_INET]}:9777, [::1]:9777"
    return f"""[agent]
id = boot
interval = 250ms
[control]
reserve = {total}
worker_size = 16M
cap = {CAP}
[haproxy]
listen = {listen}
allow = ::1, 2001:db8::/64, 192.0.2.0/24
[http]
listen = :9778
[mqtt]
host = {HERE[machine.socket.AF_INET6]}
"""


class Lab:
    """What the checks work with; the names are those of tests/guest."""

    def __init__(self, say):
        self.scratch = Scratch("hostingpi-boot-")
        machine.lay_cable()
        self.broker = checks_secrets.Broker(self.scratch, "pi", "a word of 24 characters").start()
        self.subscriber = outside.Subscriber(self.broker, "messages").start()
        begin = time.monotonic()
        self.guest = machine.Machine(self.scratch, boot_root.ROOT).start()
        say(f"systemd is up after {time.monotonic() - begin:.1f} s")
        self.marked, self.first_pid = 0, 0

    def mark(self):
        """From here on the messages are `since`."""
        self.marked = len(self.subscriber.messages())

    @property
    def since(self):
        return self.subscriber.messages()[self.marked :]

    def keep(self, name, text):
        (boot_root.FOLDER / "seen").mkdir(exist_ok=True)
        (boot_root.FOLDER / "seen" / name).write_text(text + "\n", encoding="utf-8")

    def tidy(self):
        """What a check that failed may have left."""
        self.guest.try_sh(TIDY)

    def close(self):
        with contextlib.suppress(Exception):
            self.keep("journal.txt", self.guest.sh("journalctl --no-pager -o short-monotonic"))
        for path in self.scratch.path.glob("*.log"):
            shutil.copy(path, boot_root.FOLDER / "seen")
        self.scratch.close()


def unusable():
    """Why it cannot be done here, or None."""
    if machine.os.geteuid() != 0:
        return "root is needed: sudo make check-boot"
    if not machine.hierarchy():
        return "no cgroup2 hierarchy here that could be written to"
    words = ["unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--net", "--cgroup", "ip", "link", "add", "lab0",
             "type", "veth", "peer", "name", "lab1"]  # fmt: skip
    done = machine.subprocess.run(words, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no namespaces with a cable between them: {done.stderr.strip()}"


def find_debs(folder):
    architecture = boot_root.output("dpkg", "--print-architecture").strip()
    debs = []
    for name in ("hostingpi", "hostingpi-post"):
        found = sorted(folder.glob(f"{name}_*_{architecture}.deb"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise packages.Unavailable(f"{folder} has no {name}_*_{architecture}.deb")
        debs.append(found[-1])
    return debs


def write_files(long):
    """Configuration, a watchdog that does not let everybody wait, and a journal that does not write to the root."""
    journald = boot_root.ROOT / "etc/systemd/journald.conf.d"
    journald.mkdir(parents=True, exist_ok=True)
    (journald / "volatile.conf").write_text("[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n", encoding="ascii")
    drop_ins = boot_root.ROOT / "etc/hostingpi/hostingpi.conf.d"
    drop_ins.mkdir(parents=True, exist_ok=True)
    (drop_ins / "site.conf").write_text(configuration(), encoding="ascii")
    if not long:
        # Not in /etc: what checks put there is taken away as a whole.
        folder = boot_root.ROOT / "usr/lib/systemd/system/hostingpid.service.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "watchdog.conf").write_text("[Service]\nWatchdogSec=2\n", encoding="ascii")


def main(experiment):
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--build", type=pathlib.Path, default=where.REPO / "build/plain", help="where the programs are")
    options.add_argument("--debs", type=pathlib.Path, help="packages instead of make install")
    options.add_argument("--long", action="store_true", help="the watchdog with the unit's own time")
    options.add_argument("--sed", default="", help="breaks the unit with this first, to see that the checks can fail")
    options.add_argument("--only", default="", help="the start, and checks whose name has one of these words (a,b)")
    options = options.parse_args()
    words = [word for word in options.only.split(",") if word]
    if nothing := unmatched(words, ALL):
        print(f"check-boot: {nothing}", file=sys.stderr)
        return 2
    missing = sorted(name for name in TOOLS if not program(name))
    kept = []

    def provide(say):
        if reason := unusable():
            raise packages.Unavailable(reason)
        begin = time.monotonic()
        programs = [options.build / name for name in ("hostingpid", "hostingpictl", "hostingpi-post")]
        kept.append(boot_root.provide(programs, say))
        if time.monotonic() - begin > 5:
            say(f"the root took {time.monotonic() - begin:.0f} s")

    image.FOLDER = boot_root.FOLDER  # its lock is for one run of this at a time
    experiment.prepare(missing, provide)
    outside.enter()
    boot_root.copy(kept[0])
    debs = options.debs and find_debs(options.debs)
    experiment.say(f"installed by {boot_root.install_debs(debs) if debs else boot_root.install()}")
    if options.sed:
        unit = boot_root.ROOT / "lib/systemd/system/hostingpid.service"
        machine.subprocess.run(["sed", "-i", "-E", options.sed, unit], check=True)
    write_files(options.long)
    lab = Lab(experiment.say)
    course = BootCourse(lab)
    try:
        course.run([*checks_unit.FIRST, checks_unit.workers, *(one for one in ALL if not words or any(word in one.__name__ for word in words))])
    finally:
        course.keep()
        lab.close()
    experiment.conclude(course.verdict())
    return 0 if course.well() else 1


if __name__ == "__main__":
    experiment = Experiment("check-boot")
    experiment.run(lambda: main(experiment))
