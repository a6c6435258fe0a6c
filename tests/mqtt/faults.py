# SPDX-License-Identifier: MIT
"""The faults, as one visible table at the end: what goes wrong, for how long, and how it ends.

Theory of operation: each fault is a generator over a World. What stands before its yield begins the
fault, what stands after it ends it. The docstring says both; the table says what must be seen of
it, so that a fault that did not bite is no success.
"""

import contextlib
import dataclasses
import os
import typing

from network import DEAD, HUB, SILENT_RESOLVER, run
from stand_ins import Impostor, stall_handshake, talk_noise
from world import NAME, PORT, TLS_PORT
from process import wait_until


def killed(world):
    """SIGKILL; the broker starts anew and remembers nothing."""
    world.broker_down()
    yield
    world.broker_up()


def stopped(world):
    """SIGSTOP: sockets stay open, nobody reads; SIGCONT."""
    world.broker.stop()
    yield
    world.broker.cont()


def blackholed(world):
    """nft drops TCP both ways, no RST; the way is open again."""
    world.net.way("hole")
    yield
    assert world.net.dropped() > 0
    world.net.way("open")


def lossy(world):
    """nft drops each fifth packet, both ways; no more losses."""
    world.net.way("lossy")
    yield
    assert world.net.dropped() > 0
    world.net.way("open")


def unplugged(world):
    """The cable is pulled, the carrier is gone; it is plugged in again."""
    world.net.plug(False)
    yield
    world.net.plug()


def resolver_dead(world):
    """The broker starts anew and resolv.conf names a silent address; resolv.conf is right again."""
    world.net.resolver(SILENT_RESOLVER)
    world.broker_again()
    yield
    world.net.resolver(HUB["6"])


def without_aaaa(world):
    """The broker starts anew, its name has nothing but an IPv4 address; the AAAA is back."""
    world.zone.addresses = {"4": [HUB["4"]]}
    world.broker_again()
    yield
    world.zone.addresses = {"6": [HUB["6"]]}


def aaaa_dead(world):
    """The broker starts anew, AAAA of its name leads nowhere, A is right; AAAA is right, too."""
    world.zone.addresses = {"6": [DEAD], "4": [HUB["4"]]}
    world.broker_again()
    yield
    world.zone.addresses = {"6": [HUB["6"]], "4": [HUB["4"]]}


def login_refused(world):
    """The broker starts anew with another password; the credential file is corrected."""
    world.broker.set_password("another")
    world.broker_again()
    yield
    world.say_password("another")


def certificate_expired(world):
    """The broker starts anew with a certificate of yesterday; it is replaced."""
    world.broker_again(certificate=world.authority.sign(NAME, days=-1))
    yield
    world.certificate_replaced()


def certificate_for_another(world):
    """The broker starts anew with another name's certificate; it is replaced."""
    world.broker_again(certificate=world.authority.sign("other.example.net"))
    yield
    world.certificate_replaced()


def handshake_stalls(world):
    """Where the broker was, half a TLS handshake is sent and then nothing; the broker is back."""
    yield from stand_in(world, TLS_PORT, stall_handshake)


def garbage_greeting(world):
    """Where the broker was, noise is sent; the broker is back."""
    yield from stand_in(world, PORT, talk_noise)


def stand_in(world, port, what):
    world.broker_down()
    impostor = Impostor(port, what)
    yield
    assert impostor.calls
    impostor.close()
    world.broker_up()


def garbage_midway(world):
    """Noise among what the broker says, on this connection and after each greeting; clean again."""
    world.relay.garble()
    yield
    world.relay.garbles = False


def twins(world):
    """A second agent with the same id logs in; it ends."""
    twin = world.make_agent("twin", world.fault, "1s", prefix="twin").start()
    yield
    assert "already connected" in world.broker.log.read_text()
    twin.term()


def packet_limit(limit):
    def act(world):
        """The broker starts anew and takes no packet above a size; it starts anew and takes all."""
        world.broker_again([f"max_packet_size {limit}"])
        yield
        world.broker_again()

    return act


def disk_of_broker(world):
    """Lines for a broker that keeps what it knows on a small disk."""
    folder = world.scratch.path / "disk"
    folder.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=256k", "none", folder)
    return [
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 1",
        "autosave_on_changes true",
    ]


def disk_full(world):
    """The disk on which the broker keeps what it knows fills up; there is room again."""
    filler, kept = (world.scratch.path / "disk" / name for name in ("filler", "mosquitto.db"))
    size = kept.stat().st_size
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while True:
            file.write(os.urandom(4096))
    yield
    # A short file ends in stdio's buffer, and mosquitto 2.0 does not ask what became of that.
    spoilt = lambda: kept.stat().st_size < size or "No space" in world.broker.log.read_text()
    wait_until(spoilt, what="a file that was not written as a whole")
    filler.unlink()


@dataclasses.dataclass(frozen=True, eq=False)
class Fault:
    name: str
    act: typing.Callable
    seconds: int
    short: typing.Optional[float] = None  # seconds in the short form; None: not in it
    _: dataclasses.KW_ONLY
    mqtt: dict = dataclasses.field(default_factory=dict)
    network: str = "6"
    tls: bool = False
    login: bool = False
    relay: bool = False
    prepare: typing.Optional[typing.Callable] = None  # further lines for the broker
    loses: typing.Optional[bool] = None  # the connection: must, must not, or may be lost
    returns: bool = False  # ... and must be back while the fault still lasts
    availability: typing.Optional[str] = None  # what is heard last during the fault
    deliverable: bool = True  # False: samples are larger than what the broker takes
    log_lines: int = 5  # the log must have less

    @property
    def what(self):
        return self.act.__doc__


# As short as it may be, so that the broker's will is to be seen; 30 s else, as by default.
QUICK = {"keepalive": "5s"}
V5 = {"protocol": "5"}
# Each restart of the broker is a fault itself, and told in two lines.
TWO_RESTARTS = {"loses": True, "log_lines": 7}
FAULTS = (
    Fault("broker killed", killed, 10, 5, loses=True),
    Fault("broker killed, MQTT 5", killed, 10, mqtt=V5, loses=True),
    Fault("broker killed, TLS", killed, 10, tls=True, loses=True),
    Fault("broker killed, long", killed, 600, 15, mqtt={"reconnect_max": "2m"}, loses=True),
    Fault("broker stopped", stopped, 10, 4, loses=False),
    Fault("broker stopped, long", stopped, 70, loses=True),
    Fault("broker stopped, long, TLS", stopped, 70, tls=True, loses=True),
    Fault("blackholed", blackholed, 40, 12, mqtt=QUICK, loses=True, availability="offline"),
    Fault("blackholed, IPv4", blackholed, 40, network="4"),
    Fault("blackholed, TLS", blackholed, 40, tls=True),
    Fault("packet loss", lossy, 30, 4),
    Fault("link cut", unplugged, 30, 4),
    Fault("link cut, keepalive 5s", unplugged, 30, mqtt=QUICK, availability="offline"),
    Fault("resolver dead", resolver_dead, 30, 4, loses=True),
    Fault("name without AAAA", without_aaaa, 15, 3, loses=True),
    Fault("AAAA dead, A alive", aaaa_dead, 30, network="64", loses=True, returns=True),
    Fault("login refused", login_refused, 15, 3, login=True, loses=True),
    Fault("certificate expired", certificate_expired, 15, 3, tls=True, loses=True),
    Fault("certificate for another", certificate_for_another, 15, 3, tls=True, loses=True),
    Fault("TLS handshake stalls", handshake_stalls, 25, 4, tls=True, loses=True),
    Fault("garbage as greeting", garbage_greeting, 15, 3, loses=True),
    Fault("garbage in mid-session", garbage_midway, 15, 3, relay=True, loses=True),
    Fault("two agents, one id", twins, 20, 4, loses=True),
    Fault("packets to 8000 bytes", packet_limit(8000), 15, 3, **TWO_RESTARTS),
    Fault("packets to 8000 bytes, MQTT 5", packet_limit(8000), 15, mqtt=V5, **TWO_RESTARTS),
    Fault("packets to 3000 bytes", packet_limit(3000), 15, deliverable=False, **TWO_RESTARTS),
    Fault(
        *("packets to 3000 bytes, MQTT 5", packet_limit(3000), 15, 3),
        **{"mqtt": V5, "deliverable": False, **TWO_RESTARTS},
    ),
    Fault("disk of the broker full", disk_full, 15, 4, prepare=disk_of_broker, loses=False),
)
