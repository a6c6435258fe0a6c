# SPDX-License-Identifier: MIT
"""Debian 12 arm64 packages, unpacked into one folder that is sysroot and guest at once.

Theory of operation: apt gets a configuration of its own (other lists, other cache, an empty dpkg
status, one architecture), so that it works out what the named packages need for arm64 without this
machine hearing of a foreign architecture. The packages are unpacked, never configured: nothing of
them runs before the guest does, so no emulator and no root is needed. tar keeps /lib a link to
usr/lib; dpkg -x would make it a folder and hide the loader.
"""

import functools
import hashlib
import os
import pathlib
import shutil
import subprocess

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
KERNEL = "linux-image-arm64"  # Debian's name for the newest one

WEB = ("apache2-bin", "libapache2-mod-php8.2", "busybox-static")
LIBRARIES = (
    "libc6-dev",
    "libgcc-12-dev",
    "libuv1-dev",
    "libmosquitto-dev",
    "libssl-dev",
    "libinih-dev",
    "libcjson-dev",
    "libsensors-dev",
    "libhttp-parser-dev",
)
# Wanted by maintainer scripts and tools, which never run here.
LEFT_OUT = ("perl", "libperl", "dpkg", "debconf", "psmisc", "ucf", "libc6-dev-", "gcc-1")

MODULES = (  # of the machines of machine.py
    "virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk failover net_failover "
    "virtio_net crc32c_generic jbd2 mbcache crc16 ext4 bcm2835 bcm2835_thermal usb-common usbcore "
    "roles udc-core dwc2 mii usbnet cdc_ether scsi_common scsi_mod crct10dif_common crct10dif_generic "
    "crc-t10dif crc64 crc64-rocksoft t10-pi sd_mod usb-storage bcm2835_wdt sdhci cqhci sdhci-pci "
    "virtio_console virtio-rng autofs4"
).split()
DEVICE_TREE = "bcm2837-rpi-3-b.dtb"

MERGED = ("bin", "sbin", "lib")


class Unavailable(Exception):
    """The packages cannot be had here; the message says why."""


def mirror():
    """The Debian mirror that this machine uses itself, else Debian's own."""
    try:
        lines = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)"],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return MIRROR
    found = [line.split()[1].rstrip("/") for line in lines if line.startswith("Debian ")]
    return found[0] if found else MIRROR


class Apt:
    """apt for another machine, in a folder."""

    def __init__(self, folder, architecture="arm64"):
        self.folder = folder
        for name in ("lists/partial", "cache/archives/partial", "etc/parts", "etc/preferences"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "etc/sources.list").write_text(
            f"deb [arch={architecture} signed-by={KEYRING}] {mirror()} {SUITE} main\n",
            encoding="ascii",
        )
        settings = {
            "APT::Architecture": architecture,
            "Dir::State": folder,
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": folder / "etc/sources.list",
            "Dir::Etc::sourceparts": folder / "etc/parts",
            "Dir::Etc::preferences": folder / "etc/none",
            "Dir::Etc::preferencesparts": folder / "etc/preferences",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "APT::Update::Post-Invoke-Success": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "20",
            "Debug::NoLocking": "true",
        }
        lines = [f'{key} "{value}";' for key, value in settings.items()]
        lines += ["#clear APT::Architectures;", f'APT::Architectures {{ "{architecture}"; }};']
        lines += ["#clear APT::Update::Post-Invoke;", "#clear DPkg::Pre-Install-Pkgs;"]
        self.conf = folder / "apt.conf"
        self.conf.write_text("\n".join(lines) + "\n", encoding="ascii")

    def run(self, *words, cwd=None):
        env = {**os.environ, "APT_CONFIG": str(self.conf), "LC_ALL": "C"}
        options = {"cwd": cwd or self.folder, "env": env, "timeout": 900}
        try:
            done = subprocess.run(words, capture_output=True, text=True, **options)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{words[0]} was not done within 15 minutes") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise Unavailable(f"{words[0]} failed (no network?): {said[-1] if said else ''}")
        return done.stdout

    def update(self):
        self.run("apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update")

    def fetch(self, names):
        """The .deb files of the packages and of what they depend on."""
        self.run("apt-get", "-q", "-y", "--download-only", "install", *names)
        return sorted((self.folder / "cache/archives").glob("*.deb"))

    def depends(self, name, start=""):
        """What a package depends on, in the order it says; only names that start like this."""
        words = self.run("apt-cache", "depends", name).split()
        found = [word for before, word in zip(words, words[1:]) if before == "Depends:"]
        return [word for word in found if word.startswith(start)]

    def download(self, *names):
        """The .deb files of these packages alone: what kernels depend on runs scripts."""
        folder = self.folder / "kernel"
        folder.mkdir(exist_ok=True)
        for name in names:
            if not list(folder.glob(f"{name}_*.deb")):
                self.run("apt-get", "-q", "download", name, cwd=folder)
        return [next(folder.glob(f"{name}_*.deb")) for name in names]


def unpack(deb, folder, *members):
    """Unpacks a .deb, or the members of it that match shell patterns."""
    picked = ["--wildcards", *members] if members else []
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as tar:
        subprocess.run(
            ["tar", "-x", "--no-same-owner", "--keep-directory-symlink", "-C", folder, *picked],
            stdin=tar.stdout, check=True,
        )


def _make_tree(debs, tree):
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for name in MERGED:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for deb in debs:
        if not deb.name.startswith(LEFT_OUT):
            unpack(deb, tree)
    for name in ("usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(tree / name, ignore_errors=True)


def _make_boot(deb, boot):
    shutil.rmtree(boot, ignore_errors=True)
    boot.mkdir(parents=True)
    wanted = ["./boot/vmlinuz-*", f"*/{DEVICE_TREE}", *(f"*/{name}.ko" for name in MODULES)]
    unpack(deb, boot, *wanted)
    shutil.move(next((boot / "boot").glob("vmlinuz-*")), boot / "vmlinuz")
    for name in MODULES:
        shutil.move(next(boot.glob(f"lib/modules/**/{name}.ko")), boot / f"{name}.ko")
    shutil.move(next(boot.glob(f"usr/**/{DEVICE_TREE}")), boot / DEVICE_TREE)
    for name in ("boot", "lib", "usr"):
        shutil.rmtree(boot / name)


def _make_headers(debs, headers):
    """What a kernel module is built with; the links between the packages are relative."""
    shutil.rmtree(headers, ignore_errors=True)
    headers.mkdir(parents=True)
    for deb in debs:
        unpack(deb, headers)


def _fetch_kernel(folder, apt):
    """(kernel, packages that a module for it is built with): their tools run on this machine."""
    (image,) = apt.depends(KERNEL, "linux-image-")
    headers = image.replace("image", "headers")
    (common,) = apt.depends(headers, "linux-headers-")
    (tools,) = apt.depends(headers, "linux-kbuild-")
    kernel, *debs = apt.download(image, headers, common)
    here = ["dpkg", "--print-architecture"]
    own = Apt(
        folder / "apt-own",
        subprocess.run(here, capture_output=True, text=True, check=True).stdout.strip(),
    )
    own.update()
    return kernel, [*debs, *own.download(tools)]


@functools.cache
def recipe():
    return hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()


def provide(folder, say):
    """Makes folder/tree and folder/boot unless they are there and made by this very file."""
    stamp = folder / "packages.stamp"
    if stamp.exists() and stamp.read_text(encoding="ascii") == recipe():
        return
    if not os.path.exists(KEYRING):
        raise Unavailable(f"{KEYRING} is missing (package debian-archive-keyring)")
    say(f"fetching Debian {SUITE} arm64 packages from {mirror()}")
    apt = Apt(folder / "apt")
    apt.update()
    debs = apt.fetch([*WEB, *LIBRARIES])
    kernel, headers = _fetch_kernel(folder, apt)
    say(f"unpacking {len(debs)} packages and {kernel.name}")
    _make_tree(debs, folder / "tree")
    _make_boot(kernel, folder / "boot")
    _make_headers(headers, folder / "headers")
    stamp.write_text(recipe(), encoding="ascii")
