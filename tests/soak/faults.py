# SPDX-License-Identifier: MIT
"""The faults, as one visible table at the end: what goes wrong, where, for how long, and how it ends.

Theory of operation: each is a generator over a World and a generator of random numbers. What stands
before its yield begins the fault, what stands after it ends it. Two faults happen at once only when they
are in different places. What the kernel says is what it says about a card, or about swap; what it takes
back only with a reboot (an aborted journal, a card that was removed) is not here, as nothing can be well
after it.
"""

import contextlib
import dataclasses
import os
import signal
import time
import typing

import where  # noqa: F401 (makes the lab's modules importable)
from board import DISK, SENSORS
from gauge import children
from post_service import Fault as ServiceFault
from process import wait_until
from reloads import configure, other_settings, reload_broken, reload_changed, reload_good
from strangers import Crowd

SWAP_ERROR = "Read-error on swap-device (179:2:{})"
OOM = "Out of memory: Killed process {} (php-fpm) total-vm:98124kB, anon-rss:52124kB, UID:33"
HUNG = "INFO: task jbd2/mmcblk0p2-:{} blocked for more than 120 seconds."
CARD = (
    "I/O error, dev mmcblk0, sector {} op 0x1:(WRITE) flags 0x800 phys_seg 43 prio class 2",
    "Buffer I/O error on device mmcblk0p2, logical block {}",
    "mmc0: Timeout waiting for hardware interrupt. {}",
    "I/O error, dev mmcblk0, sector {} op 0x0:(READ) flags 0x80700 phys_seg 64 prio class 2",
)
STRANGE = "I/O error, dev sda, sector {} op 0x0:(READ) flags 0x80700 phys_seg 64 prio class 2"


def said(*texts, times, prefix=3, between_s=0.05):
    def act(world, rng):
        """The kernel says so; it says no more."""
        for _ in range(times):
            world.board.say(rng.choice(texts).format(rng.randrange(1000, 9999999)), prefix)
            time.sleep(between_s)
        yield

    return act


def storm(world, _rng):
    """2,000 lines about a disk that is not ours, as fast as they are taken; silence."""
    for number in range(2000):
        if not world.board.say(STRANGE.format(number)):
            time.sleep(0.02)
    yield


def memory_falls(world, rng):
    """Programs grow within seconds; they end."""
    least = rng.choice((0, 5, 15, 30))
    for step in range(10):
        world.board.set_memory(100 - (100 - least) * step // 9)
        time.sleep(rng.uniform(0.05, 0.4))
    yield
    world.board.set_memory(100)


def swaps(world, rng):
    """Pages go to the card; no more."""
    for _ in range(10):
        world.board.swap_out(rng.randrange(50, 5000))
        time.sleep(0.2)
    yield


def sensors_vanish(world, rng):
    """Some have no value any more; they are back."""
    gone = rng.sample(sorted(SENSORS.values()), rng.randint(1, len(SENSORS)))
    for path in gone:
        world.board.write(path, "")
    yield
    world.board.restore(*gone)


def sensors_lie(world, rng):
    """They say what no sensor can; they are right."""
    for path in SENSORS.values():
        world.board.write(path, rng.choice(("-1\n", "nan\n", "9" * 30 + "\n", "\0" * 9, "\n")))
    yield
    world.board.restore(*SENSORS.values())


def hot(world, _rng):
    """The limit is exceeded, and the clock is lowered; it is cool."""
    world.board.write(SENSORS["temperature"], "112000\n")
    world.board.set_firmware("0x4")
    yield
    world.board.restore(SENSORS["temperature"], SENSORS["firmware"])


def undervoltage(world, _rng):
    """The supply is weak, again and again; it is right."""
    for bit in "10101":
        world.board.write(SENSORS["voltage"], f"{bit}\n")
        time.sleep(0.4)
    yield
    world.board.restore(SENSORS["voltage"])


def card_stalls(world, rng):
    """Requests wait at the card and none finishes; the card has no requests."""
    world.board.set_disk(rng.randint(1, 8))
    yield
    world.board.restore(DISK)


def broker_killed(world, _rng):
    """SIGKILL; it starts anew and remembers nothing."""
    world.broker_down()
    yield
    world.broker_up()


def broker_stopped(world, _rng):
    """SIGSTOP; SIGCONT."""
    world.broker.stop()
    yield
    world.broker.cont()


def login_refused(world, _rng):
    """It starts anew with another password; the credential file is corrected."""
    world.broker_down()
    world.password = f"not {world.password}"[-60:]
    world.broker.set_password(world.password)
    world.broker_up()
    yield
    world.say_password()


def broker_silent(world, _rng):
    """The connection is cut and nobody answers; it is there again."""
    world.relay.set("silent")
    yield
    world.relay.set("open")


def garbage_greeting(world, _rng):
    """The connection is cut and a caller gets noise; it is there again."""
    world.relay.set("noise")
    yield
    world.relay.set("open", cut=False)


def garbage_midway(world, rng):
    """Noise among what the broker says, again and again; no more."""
    for _ in range(rng.randint(1, 5)):
        world.relay.garble()
        time.sleep(rng.uniform(0.3, 1.5))
    yield


def connection_cut(world, rng):
    """Again and again; no more."""
    for _ in range(rng.randint(1, 8)):
        world.relay.cut()
        time.sleep(rng.uniform(0.05, 1))
    yield


def service_answers(stage, *statuses):
    def act(world, rng):
        """Each call fails in this way; it is well. Who may say when to come back says: in 2 seconds."""
        headers = {"Retry-After": "2"} if stage == "reply" else {}
        choose = lambda: ServiceFault(stage, False, rng.choice(statuses or (503,)), headers, "no")
        world.service.choose = choose
        world.ctl("post", f"amid {stage} {time.time():.3f}")
        yield
        world.service.choose = lambda: None
        for connection in list(world.service.open):
            with contextlib.suppress(OSError):
                connection.close()

    return act


def poster_killed(world, rng):
    """The service keeps silent, and each poster that waits for it is killed; it answers."""
    world.service.choose = lambda: ServiceFault("hang")
    world.ctl("post", f"amid kills {time.time():.3f}")
    for _ in range(rng.randint(1, 3)):
        for child in children(world.agent.pid):
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
                world.count("posters and hooks killed")
        time.sleep(0.5)
    yield
    world.service.choose = lambda: None


def hook(mode):
    def act(world, _rng):
        """The hook does so while memory falls, so that it is run; it is well again."""
        world.hook_mode.write_text(mode)
        world.board.set_memory(0)
        yield
        world.board.set_memory(100)
        world.hook_mode.write_text("well")

    return act


def crowd(*kinds):
    def act(world, rng):
        """Strangers connect in this way, again and again; they go."""
        strangers = Crowd(world, kinds, rng).start()
        yield
        strangers.end()

    return act


def drained_for(world, rng):
    """hostingpictl drain --for 2s; it ends by itself."""
    for_time = rng.choice(("1s", "2s"))
    world.count(f"drain {world.ctl('drain', '--for', for_time, '--reason', 'soak')}")
    yield


def drained(world, _rng):
    """hostingpictl drain; hostingpictl ready."""
    world.count(f"drain {world.ctl('drain')}")
    yield
    world.count(f"ready {world.ctl('ready', '--reason', 'soak')}")


def run_dir_full(world, _rng):
    """No room for a byte in run_dir, and the state changes meanwhile; there is room."""
    filler = world.agent.run_dir / "filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    world.board.set_memory(0)
    yield
    world.board.set_memory(100)
    time.sleep(1)
    filler.unlink()


def web_restarted(world, rng):
    """The web server is killed, or ends; it starts."""
    if rng.random() < 0.5:
        world.nginx.kill()
    else:
        world.nginx.term()
    yield
    wait_until(lambda: not world.nginx.alive(), what="the end of nginx")
    world.nginx.start()


def web_stopped(world, _rng):
    """SIGSTOP of the web server; SIGCONT."""
    world.nginx.stop()
    yield
    world.nginx.cont()


def log_rotated(world, _rng):
    """As logrotate does, several times; no more."""
    for _ in range(3):
        with contextlib.suppress(FileNotFoundError):
            world.nginx.rotate()
        time.sleep(0.3)
    for path in world.nginx.folder.glob("access.log.*"):
        path.unlink()
    yield


def balancer_restarted(world, _rng):
    """HAProxy is killed; it starts, and knows nothing."""
    world.haproxy.kill()
    world.haproxy.socket.unlink(missing_ok=True)
    yield
    world.haproxy.start()


def agent_stopped(world, _rng):
    """SIGSTOP of the agent; SIGCONT."""
    world.stop_agent()
    yield
    world.cont_agent()


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    place: str
    act: typing.Callable
    seconds: tuple  # from, to
    short: bool = True  # also in runs of some minutes
    # The card fails, and for minutes after it nothing is posted or hooked: only near the end.
    late: bool = False

    @property
    def what(self):
        return self.act.__doc__


FAULTS = (
    Fault("card: errors", "kernel", said(*CARD, times=20), (2, 8), late=True),
    Fault("kernel: task hangs", "kernel", said(HUNG, times=3), (1, 4)),
    Fault("kernel: out of memory", "kernel", said(OOM, times=2), (1, 4)),
    Fault("kernel: swap not read", "kernel", said(SWAP_ERROR, times=5), (1, 4), short=False, late=True),
    Fault("kernel: storm", "kernel", storm, (1, 2)),
    Fault("memory falls", "memory", memory_falls, (1, 10)),
    Fault("pages go to swap", "memory", swaps, (1, 5)),
    Fault("sensors vanish", "sensors", sensors_vanish, (1, 10)),
    Fault("sensors lie", "sensors", sensors_lie, (1, 10)),
    Fault("hot", "sensors", hot, (3, 10)),
    Fault("under-voltage", "sensors", undervoltage, (1, 5)),
    Fault("card stalls", "card", card_stalls, (3, 10), late=True),
    Fault("broker killed", "broker", broker_killed, (1, 25)),
    Fault("broker stopped", "broker", broker_stopped, (1, 25)),
    Fault("login refused", "broker", login_refused, (1, 10)),
    Fault("broker silent", "broker", broker_silent, (1, 25)),
    Fault("garbage as greeting", "broker", garbage_greeting, (1, 10)),
    Fault("garbage in mid-session", "broker", garbage_midway, (1, 3)),
    Fault("connection cut", "broker", connection_cut, (1, 3)),
    Fault("service: 429, 5xx", "service", service_answers("reply", 429, 500, 502, 503), (1, 10)),
    Fault("service: hangs", "service", service_answers("hang"), (3, 12)),
    Fault("service: cut", "service", service_answers("answer"), (1, 5)),
    Fault("service: no handshake", "service", service_answers("handshake"), (1, 5)),
    Fault("poster killed", "service", poster_killed, (1, 5)),
    Fault("hook hangs", "memory", hook("hang"), (2, 8)),
    Fault("hook fails", "memory", hook("fail"), (1, 4)),
    Fault("junk at both ports", "callers", crowd("binary", "half-closed", "head"), (3, 15)),
    Fault("slow clients", "callers", crowd("slow", "half request", "reader"), (3, 15)),
    Fault("control clients hang", "callers", crowd("control", "control half"), (3, 15)),
    Fault("reload", "configuration", reload_good, (1, 3)),
    Fault("reload, broken", "configuration", reload_broken, (1, 5)),
    Fault("reload, changed", "configuration", reload_changed, (1, 8)),
    Fault("drained for a time", "operator", drained_for, (1, 4)),
    Fault("drained", "operator", drained, (1, 6)),
    Fault("run_dir full", "memory", run_dir_full, (2, 8)),
    Fault("web server restarted", "web", web_restarted, (1, 8)),
    Fault("web server stopped", "web", web_stopped, (1, 8)),
    Fault("access log rotated", "web", log_rotated, (1, 2)),
    Fault("balancer restarted", "balancer", balancer_restarted, (1, 5)),
    Fault("agent stopped", "agent", agent_stopped, (1, 6)),
)

WARMING = ("broker killed", "connection cut", "memory falls")


def warm_up(world, rng):
    """What takes memory when it happens for the first time, each of it a few times: later growth is a leak."""
    for change in other_settings(world) * 2:
        configure(world, world.agent.text(change))
        configure(world, world.agent.text())
    configure(world, world.agent.text() + "[nobody]\na=1\n")
    configure(world, world.agent.text())
    for fault in FAULTS:
        if fault.place == "callers" or fault.name in WARMING:
            act = fault.act(world, rng)
            next(act)
            time.sleep(4)
            next(act, None)
