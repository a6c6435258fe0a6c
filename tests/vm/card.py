# SPDX-License-Identifier: MIT
"""The guest whose SD card fails, and the card: root, swap and payload, as on a Pi.

Theory of operation: the card sits in an SD controller that the guest's own driver drives, and a module
(card/mmc_fault.c, built here for the guest's kernel) makes its requests fail, in the sectors that an
experiment names. Where a file and the journal are is asked of the file system before the start. QEMU
cannot do that: errors of the disk behind its SD card never reach the guest. It can pull the card.

The kernel prints its log on the console. Each line carries the guest's clock and is stamped with ours
when it arrives. Marks that are sent in one by one bound the difference of the two clocks from both
sides: none can be older than its sending, none younger than its arrival.
"""

import collections
import re
import socket
import struct

import image
from guest import Console, make_swap
from machine import MACHINES
from process import DEADLINE_S, free_port

MODULE = image.FOLDER / "module"
CARD = image.FOLDER / "card.img"

SECTOR = 512
MIB = (1 << 20) // SECTOR
CARD_MB = 4096  # sparse; above 2 GB a card is addressed in sectors
SWAP_MB = 128
START = 4 * MIB
# First sector and number of sectors of the partitions, in this order.
ROOT = (START, image.ROOT_MB * MIB)
SWAP = (START + ROOT[1], SWAP_MB * MIB)
PAYLOAD = (SWAP[0] + SWAP[1], image.PAYLOAD_MB * MIB)
TYPES = {ROOT: 0x83, SWAP: 0x82, PAYLOAD: 0x83}

MARKS = 10
KEEPER_MB = 4
# Process 1 uses its memory so long after swap cannot be read. systemd did so 2.8 s after the first line.
INIT_DELAY_MS = 2800

KernelLine = collections.namedtuple("KernelLine", "arrival stamp text")
KERNEL_LINE = re.compile(r"\[ *(\d+\.\d{6})\] (.*)")


def build_module():
    """[mmc_fault.ko], cross-built for the guest's kernel."""
    return [image.build_module(image.HERE / "card", MODULE, "mmc_fault.ko")]


def _master_boot_record():
    table = b""
    for (first, count), kind in TYPES.items():
        table += struct.pack("<B3xB3xII", 0, kind, first, count)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def make_card():
    """One image from those of root and payload, and an empty swap space."""
    swap = image.FOLDER / "card-swap.img"
    make_swap(swap, SWAP_MB)
    CARD.unlink(missing_ok=True)
    with open(CARD, "wb") as file:
        file.write(_master_boot_record())
        file.truncate(CARD_MB << 20)
    parts = ((image.FOLDER / "root.img", ROOT), (swap, SWAP), (image.FOLDER / "payload.img", PAYLOAD))
    for source, (first, _) in parts:
        image.run(
            "dd", f"if={source}", f"of={CARD}", "bs=1M", f"seek={first // MIB}",
            "conv=notrunc,sparse", "status=none",
        )  # fmt: skip


def provide(say):
    image.provide(say, build_module)
    make_card()


def _block_size(path):
    with open(path, "rb") as file:
        file.seek(1024 + 24)
        return 1024 << struct.unpack("<I", file.read(4))[0]


def _sectors(name):
    """(first, last) sector on the card of the longest run of blocks of a file, or of <inode>."""
    root = image.FOLDER / "root.img"
    said = image.run("debugfs", "-R", f"blocks {name}", root, capture_output=True, text=True).stdout
    runs = []
    for block in map(int, said.split()):
        if runs and block == runs[-1][1] + 1:
            runs[-1][1] = block
        else:
            runs.append([block, block])
    first, last = max(runs, key=lambda run: run[1] - run[0])
    size = _block_size(root) // SECTOR
    return ROOT[0] + first * size, ROOT[0] + (last + 1) * size - 1


def places():
    """{name: (first, last) sector} of what may fail."""
    whole = {"root": ROOT, "swap": SWAP}
    return {
        **{name: (first, first + count - 1) for name, (first, count) in whole.items()},
        "victim": _sectors("/victim"),
        "journal": _sectors("<8>"),
    }


def _virt_card(path):
    drive = f"if=none,id=card,file={path},format=raw,cache=unsafe,snapshot=on"
    return ["-device", "sdhci-pci", "-drive", drive, "-device", "sd-card,drive=card"]


def _pi_card(path):
    return ["-drive", f"if=sd,id=card,file={path},format=raw,cache=unsafe,snapshot=on"]


_VIRT, _PI = MACHINES["virt"], MACHINES["raspi3b"]
MODULES = "sdhci cqhci sdhci-pci crc32c_generic jbd2 mbcache crc16 ext4"
BOARDS = {
    "virt": _VIRT._replace(
        disk=_virt_card,
        modules="virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover "
        f"virtio_net {MODULES}",
    ),
    "raspi3b": _PI._replace(disk=_pi_card),
}


class CardGuest(Console):
    def __init__(self, scratch, board, broker_port):
        super().__init__(scratch, BOARDS[board])
        self.agent_port = free_port()
        self.kernel = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE_S)
        self.commands = None
        keeper = f"/payload/keeper,{KEEPER_MB},{INIT_DELAY_MS},/payload/card.sh"
        self.words += f" disks=swap first={keeper} broker={broker_port}"
        self.words += f" commands={self.listener.getsockname()[1]}"

    def argv(self):
        return [*self.qemu([(self.agent_port, 9777)]), *self.machine.disk(CARD)]

    def command(self, text):
        if self.commands is None:
            self.commands, _ = self.listener.accept()
            self.commands.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.commands.sendall(text.encode() + b"\n")

    def close(self):
        super().close()
        self.listener.close()
        if self.commands:
            self.commands.close()

    def take(self, now, line):
        if found := KERNEL_LINE.search(line):
            self.kernel.append(KernelLine(now, float(found[1]), found[2]))
        else:
            super().take(now, line)

    def kernel_lines(self, since=0.0):
        """Those with a stamp from then on."""
        with self.changed:
            return [line for line in self.kernel if line.stamp >= since]

    def find_kernel(self, text):
        return next((line for line in self.kernel_lines() if line.text == text), None)
