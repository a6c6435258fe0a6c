# SPDX-License-Identifier: MIT
"""The package comes onto the machine, and does what it is for: service, commands, ports, messages, sandbox."""

import json
import re
import socket
import time

import outside
from course import expect, wait_until
from process import LabError
from system_guest import ADDRESSES, FAMILY_NAMES, HERE

# What a person would write who follows the README; the numbers make a decision that can be told from "100 %".
CONFIGURATION = f"""[agent]
id = guest
[control]
worker_size = 16M
cap = 24
[haproxy]
listen = :9777
allow = 2001:db8::/64, 192.0.2.0/24
[http]
listen = :9778
[mqtt]
host = {HERE[socket.AF_INET6]}
"""
SCORE = 2.0
# Kernel, mounts, the lab's own, and what apt and the accounts' tools write about themselves.
FILES = (
    "find / -xdev \\( -path /var/cache/apt -o -path /var/lib/apt -o -path /var/log -o -path /var/lib/dpkg/info "
    "-o -path /var/cache/debconf -o -path /root/hostingpi -o -path /tmp -o -path /var/tmp \\) -prune -o -print | sort"
)


def deb_names(lab, version):
    return " ".join(f"./{deb.name}" for deb in lab.debs[version])


def readings(lab):
    """The state document that was told last."""
    told = [payload for _, _, topic, payload in lab.subscriber.messages() if topic.endswith("/state")]
    expect(told, "no state document has come to the subscriber yet")
    return json.loads(told[-1])


def main_pid(lab):
    return int(lab.guest.sh("systemctl show -P MainPID hostingpid"))


def installs(lab):
    """apt install of both packages, without network."""
    lab.before = lab.guest.sh(FILES)
    lab.guest.sh("cp -r /payload/packages /root/hostingpi && /payload/busybox insmod /payload/firmware_node.ko")
    begin = time.monotonic()
    said = lab.guest.sh(f"cd /root/hostingpi && apt-get install -y {deb_names(lab, 0)} 2>&1")
    took = time.monotonic() - begin
    expect("hostingpi-post" in said, f"apt said nothing of hostingpi-post: {said[-500:]}")
    words = [line for line in said.splitlines() if re.match(r"(?i)(warning|error|W:|E:)", line)]
    words = [line for line in words if "unsandboxed" not in line and "_apt" not in line]
    expect(not words, f"apt complained: {words}")
    # What a newcomer types next; the service has been started by then.
    status = lab.guest.sh("hostingpictl status")
    first = time.monotonic() - begin
    expect(re.search(r"weight +\d+ %", status) and re.search(r"headroom +\d", status), f"no reading yet: {status}")
    more = lab.guest.sh("dpkg-query -W -f='${Package} ${db:Status-Abbrev} ${Version}\\n' 'hostingpi*'")
    new = re.search(r"(\d+) newly installed", said)
    return (f"{took:.0f} s for {new.group(1) if new else '?'} packages; first reading with the second command, after {first:.0f} s; "
            f"{', '.join(more.split(chr(10)))}")  # fmt: skip


def active(lab):
    """the service runs after the installation, and is enabled for the next boot."""
    lab.guest.wait_sh("systemctl is-active --quiet hostingpid", 60)
    expect(lab.guest.sh("systemctl is-enabled hostingpid") == "enabled", "the service is not enabled")
    shown = lab.guest.sh("systemctl show -P Type -P User -P NRestarts -P StatusText hostingpid").split("\n")
    return f"active, enabled; {', '.join(word for word in shown if word)}"


def account(lab):
    """user, group, folders as sysusers and the unit want them."""
    account_line = lab.guest.sh("getent passwd hostingpi")
    expect("nologin" in account_line, f"the account can log in: {account_line}")
    groups = lab.guest.sh("id -nG hostingpi")
    expect(set(groups.split()) == {"hostingpi", "adm", "video"}, f"groups: {groups}")
    owners = lab.guest.sh("stat -c '%n %U:%G %a' /run/hostingpi /var/lib/hostingpi /run/hostingpi/control.sock /etc/hostingpi")
    for place in ("/run/hostingpi hostingpi:hostingpi 755", "/var/lib/hostingpi hostingpi:hostingpi 755",
                  "/run/hostingpi/control.sock hostingpi:hostingpi 660", "/etc/hostingpi root:root 755"):  # fmt: skip
        expect(place in owners.splitlines(), f"not {place!r}: {owners}")
    return f"groups {groups}; {owners.replace(chr(10), ', ')}"


def firmware(lab):
    """the firmware node of a Pi: the udev rule holds at once, and the sandbox lets its readings through."""
    node = lab.guest.sh("stat -c '%G %a' /dev/vcio_gencmd")
    expect(node == "video 660", f"the node is {node}")
    soc = wait_until(lambda: (soc := readings(lab)["soc"]) and "throttled_since_boot" in soc and soc, 60, "soc.throttled_since_boot")
    return f"group video, mode 660 without a reboot; {json.dumps(soc)}"


def commands(lab):
    """hostingpictl status as root, as a member of the group, and as somebody else."""
    guest = lab.guest
    code, said = guest.as_someone("hostingpictl status")
    expect(code == 3, f"who is not in the group got exit code {code}: {said}")
    refusal = said.strip().splitlines()[-1]
    guest.sh("usermod -aG hostingpi someone")
    first = guest.sh("hostingpictl status")
    code, second = guest.as_someone("hostingpictl status")
    expect(code == 0, f"a member of the group got exit code {code}: {second}")
    lab.keep("status.txt", first)
    return f"{len(first.splitlines())} lines each; others: exit 3, {refusal!r}"


def closed(lab):
    """as installed, nothing listens for other machines."""
    found = []
    for family in ADDRESSES:
        for port in (outside.AGENT_PORT, outside.HTTP_PORT):
            try:
                outside.ask(family, port)
                found.append(f"{FAMILY_NAMES[family]} port {port} answers")
            except ConnectionRefusedError:
                pass
    expect(not found, "; ".join(found))
    return "ports 9777 and 9778 refused over IPv6 and IPv4"


def configure(lab):
    """a configuration is taken with a reload."""
    guest = lab.guest
    before = main_pid(lab)
    guest.sh("mkdir -p /etc/hostingpi/hostingpi.conf.d")
    guest.sh(f"cat >/etc/hostingpi/hostingpi.conf.d/site.conf <<'END'\n{CONFIGURATION}END")
    guest.sh("hostingpid -t && systemctl reload hostingpid")
    wait_until(lambda: outside.ask(socket.AF_INET6), 60, "the agent-check outside")
    expect(main_pid(lab) == before, "a reload made another process")
    return "hostingpid -t, systemctl reload, same process"


def agent_check(lab):
    """agent-check from outside."""
    del lab
    seen = []
    for family, name in FAMILY_NAMES.items():
        answer = wait_until(lambda family=family: outside.ask(family), 60, f"an answer over {name}")
        expect(answer.startswith("up "), f"over {name}: {answer}")
        seen.append(f"{name} {answer!r}")
    return "; ".join(seen)


def http_health(lab):
    """HTTP /health and the page from outside."""
    seen = []
    for family, name in FAMILY_NAMES.items():
        code, _, body = outside.get(family, "/health")
        expect(code == 200, f"/health over {name}: {code} {body}")
        code, headers, page = outside.get(family, "/", "text/html,application/xhtml+xml,*/*;q=0.8")
        kind = headers.get("Content-Type", "")
        expect(code == 200 and kind.startswith("text/html") and "</html>" in page.lower(), f"/ over {name}: {code} {kind}")
        lab.keep("page.html", page)
        seen.append(f"{name} /health {body.strip()[:40]!r}, / {len(page)} bytes")
    return "; ".join(seen)


def messages(lab):
    """MQTT messages outside."""
    def enough():
        return {"availability", "about", "state", "weight"} <= set(lab.subscriber.topics())

    wait_until(enough, 60, f"all topics; there are {lab.subscriber.topics()}")
    begin, count = time.monotonic(), len(lab.subscriber.messages())
    wait_until(lambda: len(lab.subscriber.messages()) >= count + 10, 60, "ten more messages")
    rate = 10 / (time.monotonic() - begin)
    return f"{', '.join(lab.subscriber.topics())}; {rate:.1f} messages/s over IPv6"


def exposure(lab):
    """systemd-analyze security."""
    said = lab.guest.sh("systemd-analyze security --no-pager hostingpid.service || true")
    lab.keep("security.txt", said)
    score = float(re.search(r"Overall exposure level.*: ([\d.]+)", said).group(1))
    expect(score <= SCORE, f"{score}, more than {SCORE}")
    return f"{score} (at most {SCORE})"


def readable(lab):
    """the service reads all that root reads without a sandbox."""
    free = json.loads(lab.guest.sh("hostingpid --once --json 2>/dev/null || true"))

    lacks = {}

    def lacking():
        outside.visit()  # some readings are there only while requests are
        lacks.clear()
        lacks.update({name: why for name, why in readings(lab)["unknown"].items() if name not in free["unknown"]})
        return lacks

    try:
        wait_until(lambda: not lacking(), 120, "the service to read what root reads", pause=0.5)
    except LabError as error:
        raise LabError(f"{error}: {lacks}") from None
    told = readings(lab)
    lab.keep("state.json", json.dumps(told, indent=1))
    expect(told["fs"].get("read_only") is False, f"the sandbox looks like a read-only disk: {told['fs']}")
    for group, name in (("sd", "device"), ("sd", "write_latency_ms"), ("fs", "errors"), ("mem", "headroom_bytes")):
        expect(name in told[group], f"{group}.{name} is unknown: {told['unknown'].get(f'{group}.{name}')}")
    known = sum(len(group) for group in told.values() if isinstance(group, dict)) - len(told["unknown"])
    return f"{known} readings known, none lacks that root has; disk {told['sd']['device']}, {told['fs']['type']}"


def workers(lab):
    """sizes of the web server's processes, which belong to another user, and its requests."""
    guest = lab.guest
    guest.sh("systemctl start apache2 && systemctl is-active apache2")
    for _ in range(40):
        outside.visit()
    wait_until(lambda: readings(lab)["web"].get("servers") or readings(lab)["web"].get("workers"), 90, "workers")
    web = wait_until(lambda: (found := readings(lab)["web"]).get("source") and found, 90, "a source of requests")
    lab.keep("web.json", json.dumps(readings(lab), indent=1))
    owners = guest.sh("ps -o user= -C apache2 | sort | uniq -c | tr -s ' ' '\\n' | paste -sd ' '")
    return f"processes of {owners}; {json.dumps(web)}"


def access_log(lab):
    """the web server's log is read where there is no status page (group adm)."""
    guest = lab.guest
    guest.sh("a2dismod -q -f status && systemctl restart apache2 && systemctl restart hostingpid")
    source = None

    def counted():
        nonlocal source
        outside.visit()
        source = readings(lab)["web"].get("source", "")
        return "log" in source

    wait_until(counted, 300, "the log to be the source", pause=0.5)
    mode = guest.sh("stat -c '%U:%G %a' /var/log/apache2/access.log")
    guest.sh("a2enmod -q status && systemctl restart apache2 && systemctl restart hostingpid")
    return f"{source}; the file is {mode}"


def kernel_log(lab):
    """a line of the kernel becomes an event outside (kmsg; the kernel restricts it)."""
    guest = lab.guest
    restricted = guest.sh("cat /proc/sys/kernel/dmesg_restrict")
    guest.sh("sysctl -q kernel.dmesg_restrict=1 && systemctl restart hostingpid")
    wait_until(lambda: outside.ask(socket.AF_INET6), 60, "the agent to be back")
    expect("kmsg" in guest.sh(f"ls -l /proc/{main_pid(lab)}/fd"), "/dev/kmsg is not open")
    seen = len(lab.subscriber.messages())
    begin = time.time()
    # The kernel's own killer, without the minutes that an emulated machine needs to fill its memory.
    guest.sh("systemd-run --quiet --collect --unit=lab-victim -p Type=exec -p OOMScoreAdjust=1000 sleep infinity && "
             "echo f >/proc/sysrq-trigger")  # fmt: skip

    def told():
        for when, _, topic, payload in lab.subscriber.messages()[seen:]:
            if topic.endswith("/event") and json.loads(payload).get("kind") == "oom-kill":
                return when, payload
        return None

    when, payload = wait_until(told, 60, "the event of an OOM kill")
    return f"dmesg_restrict was {restricted}, is 1; {json.loads(payload)['text']!r} {when - begin:.1f} s after it was asked for"


def doctor(lab):
    """hostingpid --doctor says what is here and what to do."""
    guest = lab.guest
    code, said = guest.try_sh("hostingpid --doctor")
    lab.keep("doctor-root.txt", said)
    expect(code in (0, 1) and said, f"as root: exit {code}: {said}")
    code_user, said_user = guest.as_someone("/usr/sbin/hostingpid --doctor")
    lab.keep("doctor-user.txt", said_user)
    expect(code_user in (0, 1) and said_user, f"as somebody: exit {code_user}: {said_user}")
    return f"root: exit {code}, {len(said.splitlines())} lines; an ordinary user: exit {code_user}, {len(said_user.splitlines())} lines"


FIRST = (installs, active, account, commands, closed, configure, agent_check, http_health, messages, exposure)
MORE = (firmware, readable, workers, access_log, kernel_log, doctor)
