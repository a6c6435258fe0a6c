# SPDX-License-Identifier: MIT
"""The root folder: Debian's essential packages, systemd, dbus and the libraries of our programs, made by mmdebstrap.

Theory of operation: the suite is this machine's own, because what was compiled here runs there; the libraries
are those that the programs are linked to. It is made once and kept in build/boot/root-KEY, where KEY stands for
this file and the names of the packages; each run works on a copy. Our own files come into the copy with `make install`,
or as packages. mmdebstrap mounts /sys and this machine's /dev/shm into the root while it makes it: tests/deb/root.sh keeps these
mounts to itself, and removes no tree with something mounted in it.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import packages
from process import LabError
from where import REPO

FOLDER = REPO / "build" / "boot"
ROOT = FOLDER / "machine"
ALWAYS = ("systemd", "systemd-sysv", "dbus", "ca-certificates", "openssl")
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/i18n/*", "/usr/share/info/*")
# Clock, disks, kernel settings and file systems are this machine's, and none of what is tried needs them.
MASKED = (
    "systemd-sysctl.service", "systemd-modules-load.service", "systemd-remount-fs.service", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount", "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-config.mount",
    "sys-fs-fuse-connections.mount", "systemd-timesyncd.service", "systemd-random-seed.service", "getty.target",
    "console-getty.service", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_reap.service", "fstrim.timer",
    "dpkg-db-backup.timer", "e2scrub_all.timer", "systemd-pcrphase.service", "systemd-binfmt.service",
)  # fmt: skip


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def owners(programs):
    """The packages of the libraries that the programs are linked to."""
    paths = set()
    for program in programs:
        paths |= {pathlib.Path(path).resolve() for path in re.findall(r"=> (/\S+)", output("ldd", program))}
    # dpkg knows one of two spellings of each; about the others it complains.
    spellings = [str(path) for path in paths] + [str(path).removeprefix("/usr") for path in paths]
    done = subprocess.run(["dpkg-query", "-S", *spellings], capture_output=True, text=True, check=False)
    return {line.split(":")[0] for line in done.stdout.splitlines() if not line.startswith("diversion ")}


def suite():
    words = pathlib.Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r"VERSION_CODENAME=(\w+)", words)
    if not found:
        raise packages.Unavailable("this machine is no Debian: its suite is not known")
    return found.group(1)


def _by_shell(*words, **environment):
    """A function of tests/deb/root.sh."""
    command = ["sh", "-euc", '. tests/deb/root.sh; "$@"', "root.sh", *map(str, words)]
    done = subprocess.run(command, cwd=REPO, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise packages.Unavailable(f"{words[0]} failed: {done.stderr.strip()[-300:]}")


def provide(programs, say):
    """The root folder, made if need be."""
    names = sorted({*ALWAYS, *owners(programs)})
    recipe = pathlib.Path(__file__).read_bytes() + repr((suite(), names)).encode()
    kept = FOLDER / f"root-{hashlib.sha256(recipe).hexdigest()[:12]}"
    if kept.exists():
        return kept
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("root-*"):
        _by_shell("remove_tree", old)
    say(f"making a root of {suite()} with {len(names)} packages named")
    left_out = [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    _by_shell("make_tree", kept, suite(), ",".join(names), "--dpkgopt=force-unsafe-io", *left_out,
              "--aptopt=Acquire::Languages none", MIRROR=packages.mirror())  # fmt: skip
    return kept


def copy(kept):
    """A fresh copy to work on."""
    _by_shell("remove_tree", ROOT)
    subprocess.run(["cp", "-a", "--reflink=auto", kept, ROOT], check=True)
    for unit in MASKED:
        (ROOT / "etc/systemd/system" / unit).symlink_to("/dev/null")
    (ROOT / "etc/machine-id").write_text("0" * 31 + "1\n", encoding="ascii")
    return ROOT


def install():
    """Our files as `make install` puts them, and what the README has one do afterwards."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    words = ["make", "--no-print-directory", "install", f"DESTDIR={ROOT}", "PREFIX=/usr", "SYSCONFDIR=/etc"]
    done = subprocess.run(words, cwd=REPO, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"make install failed: {done.stderr[-500:]}")
    inside = ["chroot", ROOT]
    subprocess.run([*inside, "systemd-sysusers"], check=True, capture_output=True)
    subprocess.run([*inside, "systemctl", "enable", "hostingpid"], check=True, capture_output=True)
    return "make install"


def install_debs(debs):
    """Our packages, with dpkg inside."""
    for deb in debs:
        shutil.copy(deb, ROOT / "tmp")
    names = [f"/tmp/{deb.name}" for deb in debs]
    done = subprocess.run(["chroot", ROOT, "dpkg", "-i", *names], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"dpkg -i failed: {(done.stdout + done.stderr)[-500:]}")
    return ", ".join(deb.name for deb in debs)
