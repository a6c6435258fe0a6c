# SPDX-License-Identifier: MIT
"""`make check-guest`: our Debian packages on a full Debian arm64 system, looked at from outside.

Theory of operation: the guest is a Debian with systemd as process 1 on an emulated machine (system_root.py made its disk,
system_guest.py runs it); we are the rest of its world (outside.py). The packages come onto it as
an operator does it, with apt from two files, and every check is made on what then runs. Nothing is installed or
started on this machine.
"""

import argparse
import contextlib
import pathlib
import re
import shutil
import sys
import time

import where
import checks_change
import checks_install
import checks_life
import image
import outside
import packages
import system_root
from course import Course, unmatched
from experiment import Experiment
from process import LabError, Scratch, program
from system_guest import Guest

TOOLS = ("mosquitto", "mosquitto_sub", "mosquitto_passwd", "ip", "unshare")
OURS = ("hostingpi", "hostingpi-post")
MODULE = where.FOLDER / "firmware"
PAYLOAD = where.FOLDER / "payload.img"


class Lab:
    """What the checks work with."""

    def __init__(self, debs, versions, say):
        self.debs, self.versions = debs, versions
        self.scratch = Scratch("hostingpi-guest-")
        outside.lay_cable()
        self.broker = outside.Broker(self.scratch, "pi", "a word of 24 characters").start()
        self.subscriber = outside.Subscriber(self.broker, "messages").start()
        begin = time.monotonic()
        self.guest = Guest(self.scratch, PAYLOAD, outside.TAP).start()
        say(f"booted in {time.monotonic() - begin:.0f} s; versions {', '.join(versions)}")
        self.before = ""
        self.not_ours = ()
        self.marked = 0

    def mark(self):
        """From here on the messages are `since`."""
        self.marked = len(self.subscriber.messages())

    @property
    def since(self):
        return self.subscriber.messages()[self.marked :]

    def tidy(self):
        """What a check that failed may have left, so that the next ones tell something of their own."""
        outside.end_pollers()
        with contextlib.suppress(LabError):
            self.guest.try_sh(checks_life.TIDY)

    def keep(self, name, text):
        (where.FOLDER / "seen").mkdir(exist_ok=True)
        (where.FOLDER / "seen" / name).write_text(text + "\n", encoding="utf-8")

    def close(self):
        (where.FOLDER / "seen").mkdir(exist_ok=True)
        for path in self.scratch.path.glob("*.log"):
            shutil.copy(path, where.FOLDER / "seen")
        self.scratch.close()


def find_debs(folder):
    """Our packages for arm64 in a folder, and their version."""
    found = []
    for name in OURS:
        debs = sorted(folder.glob(f"{name}_*_arm64.deb"), key=lambda path: path.stat().st_mtime)
        if not debs:
            raise LabError(f"{folder} has no {name}_*_arm64.deb: run make deb ARCH=arm64")
        found.append(debs[-1])
    return found


def field(deb, name):
    words = ["dpkg-deb", "-f", deb, name]
    return image.run(*words, capture_output=True, text=True).stdout.strip()


def wanted(debs):
    """Names of what our packages depend on or recommend: the first of alternatives."""
    text = ",".join(field(deb, name) for deb in debs for name in ("Depends", "Pre-Depends", "Recommends"))
    names = {re.split(r"[ (|:]", part.strip())[0] for part in text.split(",")}
    return sorted(names - {"", *OURS})


def newer(deb, folder):
    """The same package as a later version would be: another number, another sample configuration."""
    tree = folder / "newer"
    image.run("dpkg-deb", "-R", deb, tree)
    control = (tree / "DEBIAN/control").read_text(encoding="utf-8")
    version = field(deb, "Version") + "+next1"
    (tree / "DEBIAN/control").write_text(
        re.sub(r"(?m)^Version: .*$", f"Version: {version}", control), encoding="utf-8"
    )
    sample = tree / "etc/hostingpi/hostingpi.conf"
    if sample.exists():
        sample.write_text(sample.read_text(encoding="utf-8") + "# A line of the next version.\n", encoding="utf-8")
    to = folder / f"{field(deb, 'Package')}_{version}_arm64.deb"
    image.run("dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, to, stdout=-3)
    shutil.rmtree(tree)
    return to


def make_payload(debs):
    """Two versions of the packages on a disk, and a module; ([paths of each version], [versions])."""
    folder = where.FOLDER / "payload"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "packages").mkdir(parents=True)
    both = [debs, [newer(deb, folder / "packages") for deb in debs]]
    for deb in debs:
        shutil.copy(deb, folder / "packages")
    shutil.copy(MODULE / "firmware_node.ko", folder)
    shutil.copy(image.TREE / "usr/bin/busybox", folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    image.make_file_system(PAYLOAD, (size >> 20) + 16, folder, "payload")
    return both, [field(each[0], "Version") for each in both]


def checks(short):
    if short:
        return [*checks_install.FIRST, *checks_life.FIRST, *checks_life.LAST, *checks_change.SHORT]
    return [*checks_install.FIRST, *checks_install.MORE, *checks_life.FIRST, *checks_life.MORE,
            *checks_life.LAST, *checks_life.BOOT, *checks_change.ALL]  # fmt: skip


def main(experiment):
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--debs", type=pathlib.Path, default=where.REPO / "build/deb/bookworm-arm64")
    options.add_argument("--short", action="store_true", help="what a change is most likely to break")
    options.add_argument("--only", default="", help="installation, and checks whose name has one of these words (a,b)")
    options = options.parse_args()
    words = [word for word in options.only.split(",") if word]
    chosen = checks(options.short)
    if nothing := unmatched(words, chosen):
        print(f"check-guest: {nothing}", file=sys.stderr)
        return 2

    def provide(say):
        if reason := outside.unusable():
            raise packages.Unavailable(reason)
        system_root.provide(wanted(find_debs(options.debs)), say)
        image.build_module(where.HERE / "firmware", MODULE, "firmware_node.ko")

    missing = {name for name in TOOLS if not program(name)} | set(image.missing_tools())
    experiment.prepare(sorted(missing), provide)
    outside.enter()
    debs, versions = make_payload(find_debs(options.debs))
    lab = Lab(debs, versions, experiment.say)
    course = Course(lab)
    try:
        if words:
            chosen = [one for one in chosen if one in checks_install.FIRST or any(word in one.__name__ for word in words)]
        course.run(chosen)
    finally:
        course.keep()
        lab.close()
    return experiment.verdict(course.well(), course.verdict(), len(course.rows))


if __name__ == "__main__":
    experiment = Experiment("check-guest")
    experiment.run(lambda: main(experiment))
