# SPDX-License-Identifier: MIT
"""Where the agent keeps things: full, not there, or read-only; it starts and answers all the same."""

from checks_install import main_pid
from checks_life import another, answering
from checks_start import journal
from course import expect
from process import wait_until

# dd ends with an error as soon as nothing goes in any more; the second one takes what the first left over.
FILL = "dd if=/dev/zero of={0}/lab-fill bs=64k 2>/dev/null; dd if=/dev/zero of={0}/lab-fill2 bs=1 count=65536 2>/dev/null; true"
# Others may give something back meanwhile: what is free then is taken as well. Each probe is a file of its own: writing one
# anew would find the room that it had itself.
FULL = (
    "for i in $(seq 50); do dd if=/dev/zero of={0}/lab-probe-$i bs=4096 count=1 2>/dev/null || exit 0; "
    "dd if=/dev/zero of={0}/lab-more-$i bs=4096 2>/dev/null; done; exit 1"
)


def full_run(lab):
    """/run is full: a crash and a restart are survived."""
    guest = lab.guest
    guest.sh(FILL.format("/run"))
    try:
        guest.sh(FULL.format("/run"))
        seen = []
        for how in ("systemctl kill -s KILL hostingpid", "systemctl restart hostingpid"):
            pid = main_pid(lab)
            guest.sh(how)
            another(lab, pid, 60)
            seen.append(how.split()[1])
        said = [line for line in journal(lab, 30).splitlines() if "No space" in line]
    finally:
        guest.sh("rm -f /run/lab-fill /run/lab-fill2 /run/lab-probe-* /run/lab-more-*")
    wait_until(answering, 60, "an answer outside")
    return f"answers after {' and '.join(seen)}; it says {said[0] if said else 'nothing'!r}"


def no_space(lab):
    """/var/lib/hostingpi is full: starts, answers, stops in time."""
    guest = lab.guest
    guest.sh("systemctl stop hostingpid; mount -t tmpfs -o size=4k,mode=755 lab /var/lib/hostingpi && "
             "chown hostingpi:hostingpi /var/lib/hostingpi")  # fmt: skip
    try:
        guest.sh(FILL.format("/var/lib/hostingpi"))
        guest.sh(FULL.format("/var/lib/hostingpi"))
        guest.sh("systemctl start hostingpid")
        wait_until(answering, 60, "an answer outside")
        guest.sh("systemctl stop hostingpid")
        result = guest.sh("systemctl show -P Result hostingpid")
        expect(result == "success", f"the stop ended with {result}")
    finally:
        guest.sh("systemctl stop hostingpid; umount /var/lib/hostingpi; systemctl start hostingpid")
    wait_until(answering, 60, "an answer outside")
    return "active and answering, Result=success after the stop"


def read_only(lab):
    """the root file system is read-only: starts, answers, is restarted."""
    guest = lab.guest
    guest.sh("mount -o remount,bind,ro /")
    try:
        guest.sh("! touch /var/lib/lab-probe 2>/dev/null")
        for how in ("systemctl stop hostingpid; systemctl start hostingpid", "systemctl restart hostingpid"):
            pid = main_pid(lab)
            guest.sh(how)
            another(lab, pid, 60)
    finally:
        guest.sh("mount -o remount,bind,rw /")
    return "active and answering after stop and start, and after a restart"


def read_only_first(lab):
    """the root file system was read-only from the first start on (an image)."""
    guest = lab.guest
    guest.sh("systemctl stop hostingpid; rm -rf /var/lib/hostingpi; systemd-tmpfiles --create hostingpi.conf; "
             "mount -o remount,bind,ro /")  # fmt: skip
    try:
        guest.sh("systemctl start hostingpid")
        wait_until(answering, 60, "an answer outside")
    finally:
        guest.sh("mount -o remount,bind,rw /; systemctl start hostingpid")
    return f"active; {guest.sh('stat -c %U:%a /var/lib/hostingpi')} is made by tmpfiles.d when the package is installed"


ALL = (full_run, no_space, read_only, read_only_first)
