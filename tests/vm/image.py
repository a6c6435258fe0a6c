# SPDX-License-Identifier: MIT
"""Everything a guest boots from, in build/vm: cross-built programs, initramfs, root and payload disks.

Theory of operation: the root disk changes only with the packages. What changes with this repository
(programs, scripts, pages) is on a small payload disk that is made anew for every call in less than a
second. mke2fs -d fills a file system without mounting it, so nothing here needs root.
"""

import os
import pathlib
import shutil
import subprocess

import where  # noqa: F401 (makes the lab's modules importable)
import packages
from process import LabError

REPO = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
FOLDER = REPO / "build" / "vm"
TREE = FOLDER / "tree"
BOOT = FOLDER / "boot"
HEADERS = FOLDER / "headers/usr/src"
BUILT = REPO / "build" / "arm64"
TRIPLE = "aarch64-linux-gnu"

ROOT_MB = 512  # a power of two: QEMU's SD card wants that
PAYLOAD_MB = 64
VICTIM_MB = 1  # a file on the root disk that is to be overwritten in place
ASSETS = 48
ASSET_KB = 512

PROGRAMS = ("vm/hog", "vm/keeper", "vm/sampler")
USERS = {"root": 0, "www-data": 33, "hostingpi": 900}
TOOLS = (
    "qemu-system-aarch64", f"{TRIPLE}-gcc", "apt-get", "dpkg-deb", "mke2fs", "mkswap", "haproxy",
    "pkg-config", "make",
)


def missing_tools():
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return [name for name in TOOLS if shutil.which(name, path=path) is None]


def run(*words, **options):
    options.setdefault("check", True)
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    env = {**os.environ, "PATH": path, **options.pop("env", {})}
    return subprocess.run([str(word) for word in words], env=env, **options)


def cross_build():
    """hostingpid, hostingpictl and the guest's own programs, by this repository's Makefile."""
    libraries = TREE / "usr/lib" / TRIPLE / "pkgconfig"
    run(
        "make", "--no-print-directory", "-C", REPO, f"-j{os.cpu_count()}", "VARIANT=arm64",
        f"CC={TRIPLE}-gcc --sysroot={TREE}", f"AR={TRIPLE}-ar", "PKG_CONFIG=pkg-config",
        "build/arm64/hostingpid", "build/arm64/hostingpictl", "vm-programs",
        env={
            "PKG_CONFIG_LIBDIR": f"{libraries}:{TREE / 'usr/share/pkgconfig'}",
            "PKG_CONFIG_SYSROOT_DIR": str(TREE),
            "MAKEFLAGS": "",
        },
    )


def build_module(sources, folder, name):
    """A kernel module, cross-built for the guest's kernel in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources.iterdir():
        target = folder / source.name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.write_bytes(source.read_bytes())
    common = next(HEADERS.glob("linux-headers-*-common"))
    own = next(HEADERS.glob("linux-headers-*-arm64"))
    done = run(
        "make", "-s", "-C", own, "-f", common / "Makefile", f"M={folder}", "ARCH=arm64",
        f"CROSS_COMPILE={TRIPLE}-", f"CC={TRIPLE}-gcc", "modules",
        env={"MAKEFLAGS": ""}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise LabError(f"{name} was not built:\n{done.stderr}")
    return folder / name


def _furnish(tree):
    """What maintainer scripts would have made."""
    for name in ("proc", "sys", "dev", "run", "tmp", "data", "payload", "root", "var/log"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    shell = tree / "usr/bin/sh"
    if not shell.is_symlink():
        shell.symlink_to("busybox")
    users = [f"{name}:x:{number}:{number}::/:/bin/sh\n" for name, number in USERS.items()]
    groups = [f"{name}:x:{number}:\n" for name, number in USERS.items()]
    (tree / "etc/passwd").write_text("".join(users), encoding="ascii")
    (tree / "etc/group").write_text("".join(groups), encoding="ascii")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n", encoding="ascii")
    (tree / "victim").write_bytes(b"a line\n" * (VICTIM_MB * (1 << 20) // 7))


def make_file_system(image, megabytes, folder, label):
    partial = image.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with open(partial, "wb") as file:
        file.truncate(megabytes << 20)
    options = "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0"
    source = ["-d", folder] if folder else []
    run("mke2fs", "-q", "-t", "ext4", "-L", label, "-E", options, *source, partial)
    partial.rename(image)


def _cpio_entry(number, name, mode, body=b""):
    """One file of a "newc" archive: the kernel wants no other, and cpio need not be installed."""
    fields = [number, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name) + 1, 0]
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return header + b"\0" * (-len(header) % 4) + body + b"\0" * (-len(body) % 4)


def make_initramfs(path):
    entries = [(name, 0o040755, b"") for name in ("bin", "dev", "modules", "proc", "root", "sys")]
    entries.append(("init", 0o100755, (HERE / "guest/early.sh").read_bytes()))
    entries.append(("bin/busybox", 0o100755, (TREE / "usr/bin/busybox").read_bytes()))
    entries.append(("bin/sh", 0o120777, b"busybox"))
    for name in packages.MODULES:
        entries.append((f"modules/{name}.ko", 0o100644, (BOOT / f"{name}.ko").read_bytes()))
    parts = [_cpio_entry(number, *entry) for number, entry in enumerate(entries, 1)]
    parts.append(_cpio_entry(0, "TRAILER!!!", 0))
    path.write_bytes(b"".join(parts))


def _payload(image, more):
    folder = FOLDER / "payload"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "www").mkdir(parents=True)
    for name in ("hostingpid", "hostingpictl", *PROGRAMS):
        shutil.copy(BUILT / name, folder)
        run(f"{TRIPLE}-strip", folder / pathlib.Path(name).name)
    for source in (HERE / "guest").iterdir():
        place = folder / "www" if source.suffix == ".php" else folder
        shutil.copy(source, place)
        (place / source.name).chmod(0o755 if source.suffix == ".sh" else 0o644)
    for source in more:
        shutil.copy(source, folder)
    for number in range(ASSETS):
        block = f"asset {number:4d}\n".encode() * (ASSET_KB * 1024 // 11)
        (folder / "www" / f"asset{number}.bin").write_bytes(block)
    make_file_system(image, PAYLOAD_MB, folder, "payload")


def _wanted(path, stamp):
    return not path.exists() or path.stat().st_mtime < stamp.stat().st_mtime


def provide(say, more=list):
    """Everything is there and up to date afterwards; more(): further files of the payload disk."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    packages.provide(FOLDER, say)
    stamp = FOLDER / "packages.stamp"
    if _wanted(FOLDER / "root.img", stamp):
        say("making the root disk")
        _furnish(TREE)
        make_file_system(FOLDER / "root.img", ROOT_MB, TREE, "root")
    make_initramfs(FOLDER / "initramfs")
    say("building the programs for arm64")
    cross_build()
    _payload(FOLDER / "payload.img", more())
    if not (FOLDER / "data.img").exists():
        make_file_system(FOLDER / "data.img", 256, None, "data")
