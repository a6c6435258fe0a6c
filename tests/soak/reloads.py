# SPDX-License-Identifier: MIT
"""Faults of the configuration: the same again, wrong ones, and other ones that are right.

Theory of operation: generators as in faults.py. Each ends with the configuration of the beginning. A setting
that keeps samples from the broker for good (no host at all) is not among them, as they would be missing.
"""

import time


def reload_good(world, rng):
    """SIGHUP without a change, sometimes many; none."""
    for _ in range(rng.choice((1, 1, 5, 40))):
        world.agent.reload()
        time.sleep(rng.choice((0, 0.01, 0.3)))
    yield


def reload_broken(world, rng):
    """SIGHUP with a file that is wrong, or away; it is right, and SIGHUP."""
    path = world.agent.config
    if rng.random() < 0.3:
        path.unlink()
    else:
        wrong = ("[agent]\ninterval = soon\n", "[haproxy]\nlisten = :99999\n", "\0\1[", "[nobody]\na=1\n")
        path.write_text(world.agent.text() + rng.choice(wrong), encoding="utf-8")
    world.agent.reload()
    yield
    path.write_text(world.agent.text(), encoding="utf-8")
    world.agent.reload()


def other_settings(world):
    """Of most modules, each by itself."""
    log = {"source": "log", "url": "", "log": world.log_path}
    changes = [{"requests": log}, {"agent": {"interval": "500ms"}}, {"mqtt": {"protocol": "5"}}]
    changes += [{"mqtt": {"port": 9}}, {"mqtt": {"discovery": "components"}}, {"hook": {"program": ""}}]
    changes += [{"http": {"proxy_protocol": "optional"}}, {"post": {"service": "none"}}]
    changes += [{"http": {"listen": f"[::1]:{world.agent.http_port}"}}, {"workers": {"names": ""}}]
    return [*changes, {"control": {"reserve": "25%"}}, {"sdcard": {"device": "mmcblk0"}}]


def configure(world, text):
    """SIGHUP with this file, and a moment to take it over."""
    world.agent.config.write_text(text, encoding="utf-8")
    world.agent.reload()
    time.sleep(0.2)


def reload_changed(world, rng):
    """SIGHUP with other settings of several modules; with those of before."""
    configure(world, world.agent.text(*rng.sample(other_settings(world), rng.randint(1, 5))))
    yield
    configure(world, world.agent.text())
