# SPDX-License-Identifier: MIT
"""What the unit promises: starts without network, sandbox that lets through what must be read, limits, clean files."""

import json
import pathlib
import re
import socket

from checks_install import main_pid, readings
from checks_life import answering
from course import expect
from process import wait_until
from system_guest import FAMILY_NAMES
from verdicts import Absent

CAP_SYS_RESOURCE = 24
# The ones that only a Pi has, and rates, which need two readings.
BY_HAND = (
    "setpriv --reuid=hostingpi --regid=hostingpi --init-groups --inh-caps=-all,+syslog --ambient-caps=-all,+syslog "
    "hostingpid --once --json 2>/dev/null"
)
WORKERS = 3


def show(lab, *names):
    """Properties of the unit, as {name: value}."""
    said = lab.guest.sh(f"systemctl show {' '.join(f'-p {name}' for name in names)} hostingpid")
    return dict(line.split("=", 1) for line in said.splitlines())


def without_network(lab):
    """the service is there before the network is."""
    links = lab.guest.sh("ls /sys/class/net")
    expect(links == "lo", f"there is a network: {links}")
    shown = show(lab, "ActiveState", "Type", "NRestarts", "StatusText", "UnitFileState")
    expect((shown["ActiveState"], shown["Type"], shown["NRestarts"], shown["UnitFileState"]) ==
           ("active", "notify", "0", "enabled"), str(shown))  # fmt: skip
    waits = lab.guest.sh("systemctl show -P After -P Wants -P Requires hostingpid")
    expect("network" not in waits, f"it waits for a network: {waits}")
    lab.first_pid = main_pid(lab)
    return f"active (Type=notify), no restart, status {shown['StatusText']!r}, listening on addresses that are not there yet"


def network_later(lab):
    """the network comes later: the same process answers on both families."""
    lab.guest.plug_in()
    wait_until(answering, 60, "an answer outside over both families")
    expect(main_pid(lab) == lab.first_pid, "it was started anew")
    wait_until(lambda: lab.subscriber.messages(), 120, "messages at the broker")
    return f"{' and '.join(FAMILY_NAMES[family] for family in (socket.AF_INET6, socket.AF_INET))}, and the broker has messages"


def verified(lab):
    """systemd-analyze verify has nothing to say."""
    code, said = lab.guest.try_sh("systemd-analyze verify --man=no /lib/systemd/system/hostingpid.service")
    ours = [line for line in said.splitlines() if "hostingpi" in line]
    expect(code == 0 and not ours, f"exit {code}: {said}")
    return lab.guest.sh("systemctl --version").splitlines()[0]


def reasons(lab):
    """each directive of the sandbox has its reason in the unit."""
    lines = lab.guest.sh("cat /lib/systemd/system/hostingpid.service").splitlines()
    bare, reason = [], False
    for line in lines[lines.index("[Service]") :]:
        if line.startswith("#"):
            reason = True
        elif not line:
            reason = False
        elif re.match(r"(Protect|Private|Restrict|System|Capab|Ambient|Memory|Lock|NoNew|Device|Remove|UMask|Limit|OOM)", line):
            bare += [] if reason else [line]
    count = sum(1 for line in lines if "=" in line and not line.startswith("#"))
    expect(not bare, f"no reason above: {bare}")
    return f"{count} directives"


def readable(lab):
    """in the sandbox nothing is unknown that the same user reads without it."""
    free = json.loads(lab.guest.sh(BY_HAND))

    def lacking():
        told = readings(lab)["unknown"]
        return {name: why for name, why in told.items() if name not in free["unknown"]}

    wait_until(lambda: not lacking(), 30, f"the service to read what the user reads: {lacking()}")
    told = readings(lab)
    lab.keep("state.json", json.dumps(told, indent=1))
    files = lab.guest.sh(f"ls -l /proc/{main_pid(lab)}/fd")
    expect("/dev/kmsg" in files, "/dev/kmsg is not open")
    for group, name in (("sd", "device"), ("fs", "errors"), ("mem", "headroom_bytes")):
        if f"{group}.{name}" not in free["unknown"]:
            expect(name in told[group], f"{group}.{name}: {told['unknown'].get(f'{group}.{name}')}")
    expect(told["fs"].get("read_only") is False, f"the sandbox looks like a read-only disk: {told['fs']}")
    known = sum(len(group) for group in told.values() if isinstance(group, dict)) - len(told["unknown"])
    restricted = pathlib.Path("/proc/sys/kernel/dmesg_restrict").read_text(encoding="ascii").strip()
    return (f"{known} readings, none lacks; /dev/kmsg open (dmesg_restrict {restricted}), "
            f"{'/sys/fs/ext4 and ' if 'errors_count' in files else 'no ext4 here; '}disk {told['sd'].get('device')}")  # fmt: skip


def workers(lab):
    """sizes of processes of another user."""
    lab.guest.sh(f"""cp /bin/sleep /usr/local/bin/php-fpm8.2
for i in $(seq {WORKERS}); do systemd-run -q --unit=lab-worker-$i -p User=nobody /usr/local/bin/php-fpm8.2 1000; done""")
    servers = wait_until(lambda: (found := readings(lab)["web"].get("servers", "")) and "php-fpm" in found and found, 60,
                         "php-fpm among the servers")  # fmt: skip
    # They stay: without a web server no weight comes down.
    return f"{servers!r} of user nobody"


def firmware_node(lab):
    """the firmware node of a Pi: the group has it, and the device rules let it through."""
    rule = lab.guest.sh("grep -h vcio_gencmd /lib/udev/rules.d/60-hostingpi.rules")
    expect('GROUP="video"' in rule and 'MODE="0660"' in rule, rule)
    expect("video" in lab.guest.sh("id -nG hostingpi"), "the user is not in the group video")
    why = wait_until(lambda: readings(lab)["unknown"].get("soc.throttled"), 30, "the reading soc.throttled")
    # No driver has that number. Who is kept away by rights hears EACCES, by the device rules EPERM.
    expect("ermission" not in why and "not permitted" not in why, f"the node is not let through: {why}")
    return f"opened, and {why!r}; that udev sets group and mode is seen in make check-guest: no udev in a container"


def limits(lab):
    """OOM score, limit of locked memory, memory locked."""
    shown = show(lab, "OOMScoreAdjust", "LimitMEMLOCK", "LimitCORE")
    expect(shown == {"OOMScoreAdjust": "-500", "LimitMEMLOCK": "infinity", "LimitCORE": "0"}, str(shown))
    pid = main_pid(lab)
    score = int(lab.guest.sh(f"cat /proc/{pid}/oom_score_adj"))
    locked = int(re.search(r"VmLck:\s+(\d+)", lab.guest.sh(f"cat /proc/{pid}/status")).group(1))
    rights = int(re.search(r"CapEff:\s+(\w+)", pathlib.Path("/proc/self/status").read_text(encoding="ascii")).group(1), 16)
    if not rights >> CAP_SYS_RESOURCE & 1:
        raise Absent("root here has no CAP_SYS_RESOURCE, so systemd cannot set them; the unit asks for -500 and infinity")
    expect(score == -500, f"the score is {score}")
    expect(locked >= 1024, f"VmLck is {locked} kB: memory is not locked")
    return f"oom_score_adj {score}, VmLck {locked >> 10} MB, LimitMEMLOCK=infinity"


def no_memory_cgroup(lab):
    """nothing depends on the memory controller."""
    named = lab.guest.sh("grep -c -E '^(Memory(Max|High|Low|Min|Swap)|ManagedOOM)' /lib/systemd/system/hostingpid.service || true")
    expect(named == "0", "the unit sets limits of the memory controller")
    controllers = lab.guest.sh("cat /sys/fs/cgroup/cgroup.controllers") or "none"
    return f"no limit in the unit; controllers there: {controllers}"


def stop_time(lab):
    """systemd waits longer for an end than the questions of ExecStop and saying goodbye may take."""
    source = (pathlib.Path(__file__).parents[2] / "agent/agent_stop.c").read_text(encoding="utf-8")
    goodbye = int(re.search(r"#define STOP_NS \((\d+) \* NS_PER_S\)", source).group(1))
    allowed = lab.guest.sh("systemctl show -P TimeoutStopUSec hostingpid")
    # It holds for ExecStop and for the end of the process, one after the other (systemd.service(5)).
    unit = lab.guest.sh("systemctl show -P ExecStop hostingpid")
    asked = sum(int(seconds) for seconds in re.findall(r"\btimeout (\d+)", unit))
    expect(asked, f"ExecStop has no time limits of its own: {unit}")
    least = max(2 * goodbye, asked + 1)
    expect(re.fullmatch(r"\d+s", allowed) and int(allowed[:-1]) >= least, f"{allowed}, ExecStop may take {asked} s, goodbye {goodbye} s")
    return f"TimeoutStopSec={allowed}, ExecStop at most {asked} s, goodbye at most {goodbye} s"


FIRST = (without_network, network_later)
ALL = (verified, reasons, stop_time, no_memory_cgroup, limits, readable, firmware_node)
