# SPDX-License-Identifier: MIT
"""The service through restarts, stops, crashes, hangs, bad starts and boots, watched by two pollers from outside."""

import json
import re
import signal
import statistics
import time

import outside
from checks_install import main_pid
from course import expect, wait_until
from system_guest import ADDRESSES

RESTARTS = 5
TRIES = 8
STEADY_S = 60
# What the firmware node answers: throttled now (bit 2), and since boot. The agent then asks for 60 % (agent/heat.h),
# whatever the machine's memory does: a weight that stands still, and that nobody takes for the 100 % of a start or a stop.
THROTTLED, CALM = "throttled=0x50004", "throttled=0x50000"
THROTTLED_WEIGHT = 60
OLD_S = 10
NODE = "/sys/module/firmware_node/parameters/throttled"


def answering():
    """Whether both families are answered; who is just starting may cut one."""
    try:
        return all(outside.ask(family) for family in ADDRESSES)
    except OSError:
        return False


def another(lab, before, timeout):
    """Until another process answers outside; its pid."""
    def there():
        pid = main_pid(lab)
        return pid not in (0, before) and pid

    pid = wait_until(there, timeout, "another main process", pause=0.1)
    wait_until(answering, timeout, "an answer outside")
    return pid


def since(lab):
    """When the decision was made that stands, in milliseconds; a process that starts without it has its own."""
    return json.loads(lab.guest.sh("hostingpictl status --json"))["decision"]["since"]


def without(lab):
    """Seconds by the guest's clock between the end of one process and the readiness of the next."""
    shown = lab.guest.sh("systemctl show -P InactiveEnterTimestampMonotonic -P ActiveEnterTimestampMonotonic hostingpid")
    ended, ready = sorted(int(word) for word in shown.split())
    return (ready - ended) / 1e6


def same_decision(lab, decided, gap):
    """How the decision went over the gap; an agent throws away what is older than 10 s (agent/handover.h)."""
    if since(lab) == decided:
        return "same decision"
    expect(gap > OLD_S, f"the decision was made anew, {gap:.1f} s after")
    return f"decision made anew, because it was {gap:.0f} s old"


def press(lab):
    """Lets the decision be less than everything; its weight once all balancers were told."""
    guest = lab.guest
    if guest.try_sh(f"test -e {NODE}")[0]:  # not after a boot
        guest.sh("/payload/busybox insmod /payload/firmware_node.ko && udevadm settle && systemctl restart hostingpid")
    guest.sh(f"echo {THROTTLED} >{NODE}")
    # For that reason, and not in passing while it comes back from another: such a decision would soon be made anew.
    want = rf"up {THROTTLED_WEIGHT}% .*# shed "
    wait_until(lambda: all(re.match(want, outside.ask(family)) for family in ADDRESSES), 180, f"{want} outside", pause=0.25)
    return THROTTLED_WEIGHT


def release(lab):
    """Everything may come again; nobody waits for it."""
    lab.guest.try_sh(f"! test -e {NODE} || echo {CALM} >{NODE}")


def no_gap(lab, pollers, weight):
    """The figure of a time in which nobody may have noticed anything."""
    for poller in pollers:
        expect(not poller.failures(), f"{poller.figure()}: {poller.failures()[:3]}")
        expect(poller.states() == ["up"], f"answers were {poller.states()}")
        expect(poller.weights(), f"{poller.figure()}: no answer has a weight")
    low = min(min(poller.weights()) for poller in pollers)
    high = max(max(poller.weights()) for poller in pollers)
    expect(high <= weight, f"{weight} % went up to {high} %: the weight was given back and taken away again")
    # Less is honest where something else took memory at that time, but a restart has no reason of its own for it.
    states = [told for _, _, topic, told in lab.since if topic.endswith("/availability")]
    expect("offline" not in states, "the broker was told offline")
    return f"{pollers.figure()}; weight {low} to {high} % all the time (a gap would be 100)"


def restart(lab):
    """systemctl restart under polling: no poll fails, the weight does not jump, the decision is the same."""
    weight = press(lab)
    lab.mark()
    decided = since(lab)
    pollers = outside.Pollers()
    took, gaps = [], []
    for _ in range(RESTARTS):
        before = main_pid(lab)
        begin = time.monotonic()
        lab.guest.sh("systemctl restart hostingpid")
        took.append(time.monotonic() - begin)
        expect(main_pid(lab) != before, "the process is still the same")
        gaps.append(without(lab))
    pollers.end()
    told = no_gap(lab, pollers, weight)
    kept = same_decision(lab, decided, max(gaps))
    return f"{RESTARTS} times, {statistics.median(took):.2f} s each, {max(gaps):.1f} s without an agent; {kept}; {told}"


def stop(lab):
    """systemctl stop gives the weight back."""
    weight = press(lab)
    lab.mark()
    pollers = outside.Pollers()
    wait_until(lambda: all(poller.weights() for poller in pollers), 60, "a first answer")
    begin = time.monotonic()
    lab.guest.sh("systemctl stop hostingpid")
    took = time.monotonic() - begin
    pollers.end()
    last = [poller.weights()[-1] for poller in pollers]
    expect(last == [100, 100], f"the last answers were {last}, not 100")
    wait_until(lambda: "offline" in [told for _, _, topic, told in lab.since if topic.endswith("/availability")],
               60, "offline at the broker")  # fmt: skip
    lab.guest.sh("systemctl start hostingpid")
    wait_until(answering, 60, "an answer outside")
    return f"{weight} % before, 100 % as the last answer of both families; offline at the broker; stop took {took:.1f} s"


def _hit(lab, number, timeout):
    weight = press(lab)
    lab.mark()
    before, decided = main_pid(lab), since(lab)
    pollers = outside.Pollers()
    killed_at = float(lab.guest.sh("cut -d' ' -f1 /proc/uptime"))
    begin = time.monotonic()
    lab.guest.sh(f"kill -{number.name[3:]} {before}")
    pid = another(lab, before, timeout)
    took = time.monotonic() - begin
    pollers.end()
    ready = int(lab.guest.sh("systemctl show -P ActiveEnterTimestampMonotonic hostingpid")) / 1e6
    kept = same_decision(lab, decided, ready - killed_at)
    high = max(max(poller.weights()) for poller in pollers)
    expect(high <= weight, f"{weight} % before, {high} % after")
    return before, pid, took, f"{kept}; {pollers.figure()}"


def killed(lab):
    """SIGKILL: back in seconds."""
    before, pid, took, told = _hit(lab, signal.SIGKILL, 180)
    return f"process {before} then {pid}, answering again after {took:.1f} s, {told}"


def hung(lab):
    """SIGSTOP: the watchdog ends it, and it is back."""
    before, pid, took, _ = _hit(lab, signal.SIGSTOP, 300)
    _, result = lab.guest.try_sh("journalctl -u hostingpid --no-pager -o cat | grep -i 'watchdog timeout' | tail -n 1")
    result = result.strip()
    expect(result, "the journal does not speak of the watchdog")
    return f"process {before} then {pid} after {took:.0f} s (WatchdogSec=30); {result!r}"


def never_gives_up(lab):
    """a service that cannot start is tried for ever, and comes back by itself when it can."""
    guest = lab.guest
    guest.sh("mkdir -p /run/systemd/system/hostingpid.service.d && cd /run/systemd/system/hostingpid.service.d && "
             "printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' >lab.conf && systemctl daemon-reload && "
             "(systemctl restart hostingpid || true)")  # fmt: skip
    def tries():
        return int(guest.sh("systemctl show -P NRestarts hostingpid"))

    first, begin = tries(), time.monotonic()
    wait_until(lambda: tries() >= first + TRIES, 300, f"{TRIES} tries", pause=1)
    took = time.monotonic() - begin
    # A slow machine does not get as far as systemd's own limit (5 in 10 s): so it must not have one.
    limit = guest.sh("systemctl show -P StartLimitIntervalUSec hostingpid")
    expect(limit == "0", f"after tries within {limit} it would be given up")
    guest.sh("rm -r /run/systemd/system/hostingpid.service.d && systemctl daemon-reload")
    wait_until(answering, 180, "an answer outside, with nobody starting it")
    return f"{TRIES} tries in {took:.0f} s, no limit, then back without a hand"


def bad_configuration(lab):
    """a configuration that is wrong: told, tried again, taken once it is right."""
    guest = lab.guest
    path = "/etc/hostingpi/hostingpi.conf.d/zz-wrong.conf"
    new = "journalctl -u hostingpid --no-pager -o cat --cursor-file=/run/lab-cursor"
    told = f"{new} | grep zz-wrong.conf"
    before = main_pid(lab)
    guest.sh(f"{new} >/dev/null; printf '[control]\\nreserve = lots\\n' >{path}")
    guest.try_sh("systemctl reload hostingpid")
    guest.wait_sh(told, 120)
    expect(answering() and main_pid(lab) == before, "a reload ended it")
    guest.sh("systemctl kill -s KILL hostingpid")
    said = guest.wait_sh(told, 120).splitlines()[-1]
    guest.sh(f"rm {path}")
    wait_until(answering, 120, "the agent with the right configuration")
    return f"a reload keeps the old one; a start says {said!r}"


def reboots(lab):
    """a reboot: enabled, and there without network; the network comes later."""
    guest = lab.guest
    guest.sh("systemctl disable -q systemd-networkd.service systemd-networkd.socket; sync")
    begin = time.monotonic()
    guest.reboot()
    took = time.monotonic() - begin
    guest.wait_sh("systemctl is-active --quiet hostingpid", 120)
    addresses = guest.sh("ip -br addr show scope global")
    expect("192.0.2.2" not in addresses and "2001:db8" not in addresses, f"there is a network: {addresses}")
    since = int(guest.sh("systemctl show -P ActiveEnterTimestampMonotonic hostingpid")) / 1e6
    status = json.loads(guest.sh("hostingpictl status --json"))
    before = main_pid(lab)
    lab.mark()
    guest.sh("systemctl enable -q --now systemd-networkd.service")
    wait_until(answering, 90, "an answer outside over both families")
    begin = time.monotonic()
    wait_until(lambda: any(topic.endswith("/state") for _, _, topic, _ in lab.since), 180, "messages outside")
    broker = time.monotonic() - begin
    expect(main_pid(lab) == before, "it was started anew")
    state = status["decision"]["state"]
    return (f"booted in {took:.0f} s, active {since:.1f} s after the kernel's start, state {state} without any address; "
            f"same process answers with the network, broker {broker:.0f} s later")  # fmt: skip


def credentials(lab):
    """LoadCredential: the broker's password is where only the service can read it."""
    guest = lab.guest
    secret = f"username = {lab.broker.user}\\npassword = {lab.broker.password}\\n"
    guest.sh("mkdir -p /etc/systemd/system/hostingpid.service.d /root/secrets && chmod 700 /root/secrets && "
             f"printf '{secret}' >/root/secrets/mqtt && chmod 600 /root/secrets/mqtt && "
             "printf '[Service]\\nLoadCredential=mqtt:/root/secrets/mqtt\\n' "
             ">/etc/systemd/system/hostingpid.service.d/mqtt.conf && "
             f"printf '[mqtt]\\nport = {outside.SECRET_PORT}\\n"
             "credential_file = /run/credentials/hostingpid.service/mqtt\\n' "
             ">/etc/hostingpi/hostingpi.conf.d/mqtt.conf && systemctl daemon-reload && systemctl restart hostingpid")  # fmt: skip
    reader = outside.Subscriber(
        lab.broker, "secret", ["-u", lab.broker.user, "-P", lab.broker.password], outside.SECRET_PORT
    ).start()
    words = f"u'{lab.broker.user}'"
    wait_until(lambda: outside.tell_from_log(lab.broker.log, words), 120, "a connection with the name")
    wait_until(lambda: "state" in reader.topics(), 60, "messages")
    mode = guest.sh("stat -c '%U %a' /run/credentials/hostingpid.service/mqtt")
    code, said = guest.as_someone("cat /run/credentials/hostingpid.service/mqtt")
    expect(code != 0, f"another user can read it: {said}")
    reader.close()
    guest.sh("rm -r /etc/hostingpi/hostingpi.conf.d/mqtt.conf /etc/systemd/system/hostingpid.service.d /root/secrets && "
             "systemctl daemon-reload && systemctl restart hostingpid")  # fmt: skip
    wait_until(answering, 60, "an answer outside")
    return f"connected as {lab.broker.user}; the file is {mode} to root, closed to others"


def steady(lab):
    """bytes written to the disk in steady state: none."""
    guest = lab.guest
    script = f"grep -h -E '^(write_bytes|syscw)' /proc/{main_pid(lab)}/io | tr -dc '0-9\\n'"
    before, disk = [int(word) for word in guest.sh(script).split()], lab.guest.written()
    time.sleep(STEADY_S)
    after = [int(word) for word in guest.sh(script).split()]
    disk = lab.guest.written() - disk
    expect(after[1] == before[1], f"{after[1] - before[1]} bytes")
    memory = guest.sh(f"grep -E '^(Rss|Pss|Private_Dirty):' /proc/{main_pid(lab)}/smaps_rollup | tr -s ' ' | paste -sd ' '")
    return f"0 bytes in {STEADY_S} s ({after[0] - before[0]} calls to sockets and /run); the whole system wrote {disk >> 10} KiB; {memory}"


# What the checks themselves provoke, and nothing that is wider than that.
EXPECTED = (
    r"oom-kill: .*Killed process \d+ \(sleep\)|-> hard: out of memory",  # kernel_log
    r"\[agent\] id: takes effect at the next start",  # configure
    r"requests: no status page at",  # access_log
    r"throttled: The firmware lowers the clock",  # press
    r"(state|start): \w+ -> (shed|recover|normal): ",  # press; an emulated machine may lack memory or time besides
    r"firmware: it answers slowly",  # an emulated machine on a busy one
    r"mqtt: the password goes to .* without encryption|credential_file: a credential, which only the service has",  # credentials
    r"hostingpid\.service: (Watchdog timeout|Killing process|(Main|Control) process exited, code=(killed|exited), status=(9/KILL|15/TERM|[12]/\w+))",
    r"hostingpid\.service: Failed with result '(signal|watchdog|exit-code)'",  # killed, hung, bad_configuration
    r"zz-wrong\.conf:2: |the new configuration was not taken over",  # bad_configuration
    r"Failed to start hostingpid\.service",  # never_gives_up, bad_configuration
    # ExecStop asks for up to 30 s, on an overloaded host longer.
    r"hostingpid\.service: (Stopping timed out|Failed with result 'timeout')",
)
# What the kernel prints when it kills a process, a table of all of them included. Who is killed stands there in brackets.
OOM = r"OOM|[Oo]ut of memory|\[ *\d+\] +\d+ +\d+ "


def quiet(lab):
    """journal and kernel log have no warning of ours but what was provoked."""
    guest = lab.guest
    journal = guest.sh("journalctl --no-pager -o short-monotonic -p warning -u hostingpid || true")
    lab.keep("journal-warnings.txt", journal)
    lab.keep("journal.txt", guest.sh("journalctl --no-pager -o short-monotonic -u hostingpid"))
    strange = [line for line in journal.splitlines() if not re.search("|".join(EXPECTED), line) and "-- " not in line[:4]]
    kernel = guest.sh("dmesg | grep -i -E 'hostingpi|audit.*(comm|exe)=.*hosting' || true")
    kernel = [line for line in kernel.splitlines() if not re.search(OOM, line) or "(hostingpi" in line]
    expect(not strange and not kernel, f"{strange[:5]} {kernel[:5]}")
    failed = guest.sh("systemctl --failed --no-legend --plain || true")
    expect("hostingpi" not in failed, failed)
    return f"{len(journal.splitlines())} lines of warning, all of them provoked; the kernel's log has none"


# What a check that failed may have left.
TIDY = f"""rm -rf /run/systemd/system/hostingpid.service.d /etc/systemd/system/hostingpid.service.d
rm -f /etc/hostingpi/hostingpi.conf.d/zz-wrong.conf /etc/hostingpi/hostingpi.conf.d/mqtt.conf
rm -rf /root/secrets
! test -e {NODE} || echo {CALM} >{NODE}
systemctl daemon-reload; systemctl enable -q --now systemd-networkd.service
systemctl reset-failed; systemctl kill -s CONT hostingpid; systemctl start hostingpid"""

FIRST = (restart, stop, killed)
MORE = (hung, never_gives_up, bad_configuration, credentials, steady)
LAST = (quiet,)
BOOT = (reboots,)
