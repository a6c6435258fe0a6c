# SPDX-License-Identifier: MIT
"""The root disk of a full Debian arm64 system, and QEMU's words for a machine that has it.

Theory of operation: apt works out the packages here (packages.py of tests/vm) and fetches them into one folder, which is all
that the installation sees: it has no network. mmdebstrap installs them with an emulator for user programs (an emulated
machine needs four times as long) in namespaces that know the foreign programs, while this machine does not
(own_namespace.py, make/). The emulator is unpacked, not installed. What our own packages depend on is
not installed but lies in a small repository on the disk, for apt in the guest. The disk is made anew when
the recipe or those names change, else kept in build/guest.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys

import image
import packages
from process import LabError, program
from where import FOLDER, HERE

ROOT_MB = 1024
# As on a Pi that serves pages; the rest is Debian's Essential and Required.
SYSTEM = (
    "apt", "usr-is-merged", "debian-archive-keyring", "systemd-sysv", "udev", "dbus", "libpam-systemd", "iproute2",
    "procps", "ca-certificates", "apache2",
)  # fmt: skip
PATTERNS = ("?essential", "?and(?priority(required),?not(?essential))")
EMULATOR = "qemu-user-static"
MODULES = (  # of packages.py, in this order: disk and network, and what systemd wants
    "virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk failover net_failover virtio_net "
    "virtio_console virtio-rng autofs4 crc32c_generic jbd2 mbcache crc16 ext4"
).split()


def _plan(apt, names):
    """File names of the packages that must be there for these."""
    empty = apt.folder / "empty"  # apt names only what it would fetch
    (empty / "partial").mkdir(parents=True, exist_ok=True)
    said = apt.run("apt-get", "-q", "-y", "-o", f"Dir::Cache::archives={empty}", "--print-uris", "install", *names)
    found = re.findall(r"^'\S+' (\S+\.deb) \d+ ", said, re.MULTILINE)
    if not found:
        raise packages.Unavailable("apt knows no packages for arm64")
    return found


def _index(debs, folder):
    """A repository: the packages as they are and the list of them that apt wants."""
    folder.mkdir(parents=True)
    entries = []
    for deb in debs:
        shutil.copy(deb, folder)
        control = image.run("dpkg-deb", "-f", deb, capture_output=True, text=True).stdout
        data = deb.read_bytes()
        rows = [f"Filename: ./{deb.name}", f"Size: {len(data)}"]
        rows.append(f"SHA256: {hashlib.sha256(data).hexdigest()}")
        entries.append(control.rstrip() + "\n" + "\n".join(rows) + "\n")
    listed = "\n".join(entries).encode()
    (folder / "Packages").write_bytes(listed)
    release = ["Origin: Debian", f"Suite: {packages.SUITE}", f"Codename: {packages.SUITE}"]
    release += ["Date: Thu, 01 Jan 2026 00:00:00 UTC", "SHA256:"]
    release += [f" {hashlib.sha256(listed).hexdigest()} {len(listed)} Packages", ""]
    (folder / "Release").write_text("\n".join(release), encoding="ascii")


def _emulator():
    """(program, rule for binfmt_misc)"""
    own = packages.Apt(FOLDER / "apt-own", image.run("dpkg", "--print-architecture", capture_output=True, text=True).stdout.strip())
    own.update()
    (deb,) = own.download(EMULATOR)
    folder = FOLDER / "emulator"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    packages.unpack(deb, folder, "./usr/bin/qemu-aarch64-static", "*binfmt.d/qemu-aarch64.conf")
    return folder / "usr/bin/qemu-aarch64-static", next(folder.rglob("qemu-aarch64.conf"))


def qemu(root, payload, words):
    """Board, kernel, two disks."""
    return [
        "qemu-system-aarch64", "-M", "virt,gic-version=2", "-cpu", "cortex-a53", "-smp", "2", "-m", "512",
        "-accel", "tcg,thread=multi", "-nodefaults", "-display", "none",
        "-kernel", image.BOOT / "vmlinuz", "-initrd", FOLDER / "initramfs",
        "-append", f"console=ttyAMA0 mitigations=off panic=-1 modules={','.join(MODULES)} {words}",
        *root, "-drive", f"file={payload},if=none,id=payload,format=raw,cache=unsafe,readonly=on",
        "-device", "virtio-blk-pci,drive=payload",
    ]  # fmt: skip


def _install(repository, emulator, rule):
    tree, log = FOLDER / "tree", FOLDER / "install.log"
    if tree.exists():
        image.run("rm", "-r", "--one-file-system", tree)
    words = [sys.executable, "-B", HERE / "own_namespace.py", "sh", HERE / "make/root.sh", emulator, rule, repository, HERE, tree]
    with open(log, "wb") as file:
        done = subprocess.run(
            [*map(str, words), ",".join(SYSTEM)], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise LabError(f"the system was not installed; {log} ends with:\n{tail}")
    image.make_file_system(FOLDER / "root.img", ROOT_MB, tree, "root")
    image.run("rm", "-r", "--one-file-system", tree)


def _recipe(wanted):
    made_of = hashlib.sha256(repr([sorted(wanted), SYSTEM, PATTERNS, ROOT_MB]).encode())
    for path in sorted([*(HERE / "inside").iterdir(), *(HERE / "make").iterdir()]):
        made_of.update(path.read_bytes())
    return made_of.hexdigest()


def provide(wanted, say):
    """build/guest/root.img and initramfs are there afterwards; wanted: what our packages depend on."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    packages.provide(image.FOLDER, say)
    image.make_initramfs(FOLDER / "initramfs")
    stamp = FOLDER / "root.stamp"
    if stamp.exists() and stamp.read_text(encoding="ascii") == _recipe(wanted):
        return
    if os.geteuid() != 0 or not program("mmdebstrap"):
        raise packages.Unavailable("the guest's disk is made as root and with mmdebstrap, once: sudo make check-guest")
    stamp.unlink(missing_ok=True)
    say(f"fetching Debian {packages.SUITE} arm64 packages from {packages.mirror()}")
    apt = packages.Apt(FOLDER / "apt")
    apt.update()
    system = _plan(apt, [*PATTERNS, *SYSTEM])
    everything = _plan(apt, [*PATTERNS, *SYSTEM, *wanted])
    apt.fetch([*PATTERNS, *SYSTEM, *wanted])
    archives, repository = FOLDER / "apt/cache/archives", FOLDER / "repository"
    shutil.rmtree(repository, ignore_errors=True)
    _index([archives / name for name in system], repository)
    later = [name for name in everything if name not in system]
    _index([archives / name for name in later], repository / "later")
    emulator, rule = _emulator()
    say(f"installing {len(system)} packages with an emulator (minutes); {len(later)} more for apt in the guest")
    _install(repository, emulator, rule)
    stamp.write_text(_recipe(wanted), encoding="ascii")
