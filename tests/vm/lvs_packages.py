# SPDX-License-Identifier: MIT
"""What the guest with LVS needs besides: keepalived, ipvsadm and the kernel's modules, on a disk of its own."""

import hashlib
import pathlib
import shutil

import image
import packages

IMAGE = image.FOLDER / "lvs.img"
IMAGE_MB = 256
PROGRAMS = ("keepalived", "ipvsadm")
# In the order in which they are loaded; IPv6 is built in.
MODULES = "libcrc32c nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack ip_vs ip_vs_wlc".split()
# For their scripts, which never run here. libperl stays: libsnmp is linked with it.
LEFT_OUT = ("perl", "dpkg", "debconf", "dbus", "adduser", "passwd", "systemd_")


def _unpack(tree):
    apt = packages.Apt(image.FOLDER / "apt-lvs")
    apt.update()
    debs = apt.fetch(PROGRAMS)
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    for name in packages.MERGED:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for deb in debs:
        if not deb.name.startswith(LEFT_OUT):
            packages.unpack(deb, tree)
    for name in ("usr/share", "var", "etc"):
        shutil.rmtree(tree / name, ignore_errors=True)


def _take_modules(tree):
    kernels = sorted((image.FOLDER / "apt/kernel").glob("linux-image-*.deb"))
    if not kernels:
        raise packages.Unavailable(f"no kernel in {image.FOLDER}/apt/kernel: remove {image.FOLDER}")
    folder = image.FOLDER / "lvs-modules"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    packages.unpack(kernels[-1], folder, *(f"*/{name}.ko" for name in MODULES))
    (tree / "modules").mkdir()
    for name in MODULES:
        shutil.move(next(folder.glob(f"lib/modules/**/{name}.ko")), tree / f"modules/{name}.ko")
    shutil.rmtree(folder)


def provide(say):
    """The disk is there afterwards, made by this very file; the guest's own disks as well."""
    recipe = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest() + packages.recipe()
    image.provide(say, lambda: [image.REPO / "examples/keepalived/keepalived.conf"])
    stamp = image.FOLDER / "lvs.stamp"
    if stamp.exists() and stamp.read_text(encoding="ascii") == recipe and IMAGE.exists():
        return
    say("fetching keepalived for arm64, making its disk")
    tree = image.FOLDER / "lvs-tree"
    _unpack(tree)
    _take_modules(tree)
    image.make_file_system(IMAGE, IMAGE_MB, tree, "lvs")
    shutil.rmtree(tree)
    stamp.write_text(recipe, encoding="ascii")
