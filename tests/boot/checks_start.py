# SPDX-License-Identifier: MIT
"""Starts, ends and reloads: crashes keep the sockets, bad configurations are told and waited for, two agents at once."""

import socket

import checks_life
import outside
from checks_install import main_pid
from checks_life import another, answering
from checks_unit import show
from course import expect
from process import wait_until
from system_guest import ADDRESSES

DROP_INS = "/etc/hostingpi/hostingpi.conf.d"
BAD = f"{DROP_INS}/zz-bad.conf"
MARK = "/run/hostingpi/start-failed"
# Far enough from 100 % that nobody takes one for the other.
LOW = 20
WAITING = "systemctl show -P StatusText hostingpid | grep -q '^Cannot start'"


def write_bad(lab, text="[control]\nreserve = lots\n"):
    lab.guest.sh(f"printf '{text.encode('unicode_escape').decode()}' >{BAD}")


def journal(lab, lines=12):
    return lab.guest.sh(f"journalctl -u hostingpid --no-pager -o cat -n {lines}")


def listening(lab):
    """Inodes of the sockets that listen for load balancers."""
    said = lab.guest.sh("cat /proc/net/tcp6 /proc/net/tcp")
    rows = [line.split() for line in said.splitlines()]
    return sorted(row[9] for row in rows if len(row) > 9 and row[3] == "0A" and row[1].endswith(":2631"))


def press(lab):
    """The weight that the configuration makes: all memory is reserve, so it comes down to the least one."""
    def both_told():
        told = [outside.ask(family).split() for family in ADDRESSES]
        weights = {int(words[1].rstrip("%")) for words in told if len(words) > 1 and words[1].endswith("%")}
        return len(weights) == 1 and max(weights) <= LOW and weights

    return max(wait_until(both_told, 90, f"a weight of {LOW} % at most"))


def release(_lab):
    """Nothing was taken."""


# The checks of tests/guest press a machine that is theirs; this one is everybody's.
checks_life.press, checks_life.release = press, release


def sockets_kept(lab):
    """SIGKILL: the listening sockets are the same ones afterwards, the weight stands, nobody is refused."""
    before, pid = listening(lab), main_pid(lab)
    weight = press(lab)
    expect(len(before) >= 2, f"listening sockets: {before}")
    pollers = outside.Pollers()
    lab.guest.sh(f"kill -KILL {pid}")
    another(lab, pid, 60)
    pollers.end()
    after = listening(lab)
    expect(before == after, f"sockets {before} became {after}")
    # What it had accepted already dies with it: one call of each poller at most.
    lost = [poll[3] for poller in pollers for poll in poller.failures()]
    expect(len(lost) <= len(pollers) and not any("refused" in word for word in lost), f"{pollers.figure()}: {lost}")
    high = max(max(poller.weights()) for poller in pollers)
    expect(high <= 2 * LOW, f"{weight} % went up to {high} %")
    return f"{len(after)} sockets with the same inodes; weight {weight} %, at most {high} % told; {pollers.figure()}"


def watchdog(lab):
    """SIGSTOP: the watchdog ends it, and it is back."""
    shown = show(lab, "WatchdogUSec")["WatchdogUSec"]
    pid = main_pid(lab)
    lab.guest.sh(f"kill -STOP {pid}")
    another(lab, pid, 180)
    lab.guest.wait_sh("journalctl -u hostingpid --no-pager -o cat | grep -qi 'watchdog timeout'", 30)
    return f"process {pid} then {main_pid(lab)} (WatchdogSec={shown})"


def reload_good(lab):
    """a reload takes a good configuration: same process."""
    pid = main_pid(lab)
    lab.guest.sh(f"printf '[mqtt]\\nkeepalive = 40s\\n' >{DROP_INS}/lab.conf; systemctl reload hostingpid")
    lab.guest.wait_sh("journalctl -u hostingpid --no-pager -o cat -n 5 | grep 'configuration taken over'", 30)
    expect(main_pid(lab) == pid, "another process")
    lab.guest.sh(f"rm {DROP_INS}/lab.conf; systemctl reload hostingpid")
    wait_until(answering, 30, "an answer outside")
    return journal(lab, 3).splitlines()[-1]


def reload_bad(lab):
    """a reload refuses a bad configuration, says file and line, and goes on with the old one."""
    pid = main_pid(lab)
    write_bad(lab)
    lab.guest.sh("systemctl reload hostingpid")
    lab.guest.wait_sh("journalctl -u hostingpid --no-pager -o cat -n 5 | grep 'the old one stays'", 30)
    said = [line for line in journal(lab, 5).splitlines() if line.startswith(f"{BAD}:2:")]
    lab.guest.sh(f"rm {BAD}")
    expect(main_pid(lab) == pid and answering(), "it did not go on")
    expect(said, f"no file and line: {journal(lab, 5)}")
    return repr(said[0])


def bad_start(lab):
    """a start with a bad configuration fails at once; later ones wait for it to be mended."""
    guest = lab.guest
    guest.sh("systemctl stop hostingpid")
    write_bad(lab)
    code, _ = guest.try_sh("systemctl start hostingpid")
    expect(code != 0, "systemctl start said that all is well")
    expect(f"{BAD}:2:" in journal(lab), f"no file and line: {journal(lab)}")
    guest.wait_sh(WAITING, 60, "the second start to wait")
    first = show(lab, "NRestarts", "ActiveState", "SubState")
    expect(first == {"NRestarts": "1", "ActiveState": "activating", "SubState": "start"}, str(first))
    status = guest.sh("systemctl status hostingpid --no-pager -n 0; true")
    expect("Tried again" in status, status)
    # Another mistake: told as soon as it is made.
    write_bad(lab, "[control]\ncap = none\n")
    guest.wait_sh(f"journalctl -u hostingpid --no-pager -o cat | grep -q '{BAD}:2: .*cap'", 60, "the new mistake")
    guest.sh(f"rm {BAD}")
    wait_until(answering, 60, "an answer, with nobody starting it")
    expect(guest.try_sh(f"test -e {MARK}")[0], "the mark is still there")
    restarts = show(lab, "NRestarts")["NRestarts"]
    return f"told with file and line, then {first['ActiveState']} and quiet; back by itself after the {restarts}. start"


def bad_start_stopped(lab):
    """who stops it while it waits gets an end, and who starts it is told at once again."""
    guest = lab.guest
    guest.sh("systemctl stop hostingpid")
    write_bad(lab)
    guest.try_sh("systemctl start hostingpid")
    guest.wait_sh(WAITING, 60, "the second start to wait")
    guest.sh("systemctl stop hostingpid")
    state = show(lab, "ActiveState", "Result")
    expect(state == {"ActiveState": "inactive", "Result": "success"}, f"after the stop it is {state}")
    code, _ = guest.try_sh("systemctl start hostingpid")
    expect(code != 0, "systemctl start said that all is well")
    guest.sh(f"rm {BAD}")
    wait_until(answering, 60, "an answer outside")
    return "inactive, and the next start fails at once"


def another_agent(lab):
    """a second agent by hand gives up and says why; the first one does not notice."""
    pid, before = main_pid(lab), listening(lab)
    code, said = lab.guest.try_sh("setpriv --reuid=hostingpi --regid=hostingpi --init-groups timeout 20 hostingpid")
    expect(code == 1, f"exit {code}: {said}")
    expect(main_pid(lab) == pid and listening(lab) == before and answering(), "the first one noticed")
    return repr(said.strip().splitlines()[-1])


def starts_at_once(lab):
    """two starts and two restarts at the same time end as one agent."""
    lab.guest.sh("systemctl stop hostingpid; systemctl start hostingpid & systemctl start hostingpid & wait; "
                 "systemctl restart hostingpid & systemctl restart hostingpid & wait")  # fmt: skip
    wait_until(answering, 60, "an answer outside")
    agents = lab.guest.sh("cat /sys/fs/cgroup/system.slice/hostingpid.service/cgroup.procs").split()
    expect(agents == [str(main_pid(lab))], f"processes of the service: {agents}")
    return f"one process; {len(ADDRESSES)} families answer"


def hold_stays(lab):
    """an operator's hold outlives a restart and a crash, not a stop; the folders come and go as they should."""
    guest = lab.guest
    guest.sh("hostingpictl drain --reason lab")
    for what, how in (("a restart", "systemctl restart hostingpid"), ("a crash", "systemctl kill -s KILL hostingpid")):
        pid = main_pid(lab)
        guest.sh(how)
        another(lab, pid, 60)
        expect(guest.sh("cat /run/hostingpi/hold"), f"the hold is gone after {what}")
        wait_until(lambda: "drain" in outside.ask(socket.AF_INET6), 30, f"drain outside after {what}")
    guest.sh("systemctl stop hostingpid")
    expect(guest.try_sh("test -e /run/hostingpi")[0], "/run/hostingpi is still there after a stop")
    owner = guest.sh("stat -c '%U %a' /var/lib/hostingpi")
    guest.sh("systemctl start hostingpid")
    wait_until(lambda: "drain" not in outside.ask(socket.AF_INET6), 30, "no drain after a stop")
    return f"/run/hostingpi gone after a stop, /var/lib/hostingpi ({owner}) kept"


ALL = (sockets_kept, reload_good, reload_bad, bad_start, bad_start_stopped, another_agent, starts_at_once, hold_stays)
LAST = (watchdog,)
