# SPDX-License-Identifier: MIT
"""The two machines a guest can be: QEMU's own board, and its model of a Raspberry Pi 3B.

Theory of operation: `virt` has everything on virtio and is what the figures are made with. `raspi3b`
shows that the same holds with the Pi's own interrupt controller, SD host and USB: its card is the
root disk, everything else is on USB, as QEMU's SD card stops the whole guest when it is throttled.
Its
cache is not filled before the run: that alone would take a minute at the emulated card's speed. Disks
are found by the labels of what is on them: neither machine numbers them reliably.
"""

import collections

import image

Machine = collections.namedtuple("Machine", "name words kernel_words disk net modules")

# A middling SD card. Reads are quicker than writes, random access is slow.
MIB = 1 << 20
SD_CARD = {"bps-write": 8 * MIB, "bps-read": 18 * MIB, "iops-total": 800}


def _drive(name, path, options, throttled, interface="none"):
    limits = [f"throttling.{key}={value}" for key, value in SD_CARD.items() if throttled]
    where = f"if={interface},id={name},file={path},format=raw,cache=unsafe"
    return ["-drive", ",".join([where, *options, *limits])]


def _virtio_disk(name, path, options, throttled):
    return [*_drive(name, path, options, throttled), "-device", f"virtio-blk-pci,drive={name}"]


def _pi_disk(name, path, options, throttled):
    if name == "root":
        return _drive(name, path, options, throttled, "sd")
    return [*_drive(name, path, options, throttled), "-device", f"usb-storage,drive={name}"]


MACHINES = {
    "virt": Machine(
        "virt",
        ("-M", "virt,gic-version=2", "-cpu", "cortex-a53", "-smp", "2", "-m", "512"),
        "console=ttyAMA0 warm=1",
        _virtio_disk,
        "virtio-net-pci,netdev=net,romfile=",
        "virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk failover net_failover "
        "virtio_net crc32c_generic jbd2 mbcache crc16 ext4",
    ),
    "raspi3b": Machine(
        "raspi3b",
        ("-M", "raspi3b", "-dtb", str(image.BOOT / "bcm2837-rpi-3-b.dtb")),
        "console=ttyAMA0,115200 mem=512M maxcpus=2",
        _pi_disk,
        "usb-net,netdev=net",
        "bcm2835 bcm2835_thermal usb-common usbcore roles udc-core dwc2 mii usbnet cdc_ether "
        "scsi_common scsi_mod crct10dif_common crct10dif_generic crc-t10dif crc64 crc64-rocksoft t10-pi "
        "sd_mod usb-storage crc32c_generic jbd2 mbcache crc16 ext4 bcm2835_wdt",
    ),
}
