# SPDX-License-Identifier: MIT
"""The real libsensors on a made-up /sys/class, in a mount namespace of its own.

libsensors insists on the real /sys, so --root cannot show that it is asked at all. A chip with a
number that the direct reader never looks at can: only libsensors finds it.
"""

import functools
import json
import os
import shutil
import subprocess

import pytest

from harness import BUILD

# The direct reader of collectors/sensors.c looks at hwmon0 to hwmon31.
FAR = 40


def unshare():
    return ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]


@functools.lru_cache(maxsize=None)
def obstacle():
    """Why a mount namespace cannot be had, or an empty text."""
    if shutil.which("unshare") is None:
        return "unshare is not installed (apt: util-linux)"
    try_it = [*unshare(), "mount", "-t", "tmpfs", "none", "/sys/class"]
    done = subprocess.run(try_it, capture_output=True, text=True)
    return f"no mount namespace here: {done.stderr.strip()}" if done.returncode else ""


@pytest.fixture(autouse=True)
def mount_namespace():
    if obstacle():
        pytest.skip(obstacle())


def once(files, mounts=("/sys/class",)):
    """--once --json in a namespace with empty file systems at mounts and files in them."""
    lines = [f"mount -t tmpfs none {mount}" for mount in mounts]
    for path, text in files.items():
        lines.append(f"mkdir -p {os.path.dirname(path)}")
        lines.append(f"printf '%s\\n' '{text}' > {path}")
    lines.append(f"exec {BUILD / 'hostingpid'} -l info --once --json")
    script = "set -e\n" + "\n".join(lines)
    done = subprocess.run([*unshare(), "sh", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def hwmon(number, **files):
    return {f"/sys/class/hwmon/hwmon{number}/{name}": text for name, text in files.items()}


def test_libsensors_finds_the_chips():
    state, _ = once(
        {
            **hwmon(0, name="rp1_adc", temp1_input="49338"),
            **hwmon(FAR, name="cpu_thermal", temp1_input="61234", temp1_crit="110000"),
            **hwmon(FAR + 1, name="rpi_volt", in0_lcrit_alarm="1"),
        }
    )
    assert state["soc"]["temp_c"] == 61.234
    assert state["soc"]["undervoltage"] is True


def test_the_zone_where_no_chip_fits():
    zone = "/sys/class/thermal/thermal_zone0"
    state, _ = once(
        {
            **hwmon(0, name="nvme", temp1_input="30000"),
            f"{zone}/type": "cpu-thermal",
            f"{zone}/temp": "56388",
        }
    )
    assert state["soc"]["temp_c"] == 56.388
    assert "rpi_volt" in state["unknown"]["soc.undervoltage"]


def test_no_sensor_at_all():
    state, _ = once({})
    assert "temp_c" not in state["soc"]
    assert "cpu_thermal" in state["unknown"]["soc.temp_c"]
    assert state["mem"]["total_bytes"] > 0


@pytest.mark.skipif(not os.path.isdir("/etc/sensors.d"), reason="there is no /etc/sensors.d")
def test_a_broken_configuration_of_libsensors():
    """It is told with its file, and the sensors are found directly."""
    state, stderr = once(
        {
            "/etc/sensors.d/broken": "chip this is not",
            **hwmon(0, name="cpu_thermal", temp1_input="61234"),
        },
        mounts=("/sys/class", "/etc/sensors.d"),
    )
    assert "/etc/sensors.d/broken" in stderr
    assert state["soc"]["temp_c"] == 61.234
