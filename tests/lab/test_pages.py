# SPDX-License-Identifier: MIT
"""The manual, the help texts, the completions and the sample configuration name what the programs have."""

import json
import re
import subprocess
import urllib.request

import pages
import pytest
from harness import BUILD, REPO, Agent, families, url_host, wait_until


PROGRAMS = list(pages.PAGES)
CONF = pages.page("hostingpi.conf.5")
DAEMON = pages.page("hostingpid.8")
CTL = pages.page("hostingpictl.1")
POST = pages.page("hostingpi-post.8")
BY_PROGRAM = {"hostingpid": DAEMON, "hostingpictl": CTL, "hostingpi-post": POST}


def test_keys():
    assert pages.key_faults(CONF) == []
    assert pages.sample_faults((REPO / "systemd/hostingpi.conf").read_text()) == []


def test_readings_and_events():
    assert pages.reading_faults(DAEMON) == []
    assert pages.event_faults(DAEMON) == []
    assert pages.doctor_faults(DAEMON) == []
    assert pages.topic_faults(CONF) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program):
    text = BY_PROGRAM[program]
    assert pages.option_faults(program, text) == []
    assert pages.exit_faults(program, text) == []
    assert pages.variable_faults(program, text) == []
    assert pages.signal_faults(program, text) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_completion_has_no_more(program):
    for name in (f"{program}.bash", f"_{program}"):
        text = (REPO / "completion" / name).read_text(encoding="utf-8")
        assert pages.completion_faults(program, text, name) == []


@pytest.mark.parametrize("name", ["hostingpid.8", "hostingpictl.1", "hostingpi-post.8", "hostingpi.conf.5"])
def test_page(name):
    text = pages.page(name)
    assert pages.key_like_faults(text, name) == []
    # What somebody looks for first, in the order that all manuals have.
    headings = re.findall(r"^\.Sh (.*)", text, re.M)
    order = ["NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "DIAGNOSTICS"]
    order.append("SEE ALSO")
    wanted = {"NAME", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"}
    if not name.endswith("5"):
        wanted |= {"SYNOPSIS", "ENVIRONMENT", "EXIT STATUS"}
    assert wanted <= set(headings)
    assert [word for word in headings if word in order] == [word for word in order if word in headings]


@pytest.mark.parametrize(
    "faults, text, old, new",
    [
        (pages.key_faults, CONF, ".It Ic blind_weight\n", ".It Ic blind_wait\n"),
        (pages.key_faults, CONF, "1% to 90%", "1% to 95%"),
        (pages.key_faults, CONF, "Default: 30%.", "Default: 25%."),
        (pages.key_faults, CONF, ".Ss [nfs]", ".Ss [afs]"),
        (pages.key_faults, CONF, "100ms to 1m", "100ms to 1h"),
        (pages.reading_faults, DAEMON, "fan_rpm, ", ""),
        (pages.reading_faults, DAEMON, "rx_bytes_s", "rx_bytes_s, rx_errors"),
        (pages.doctor_faults, DAEMON, ".It Could be better\n", ".It Could be\n"),
        (pages.topic_faults, CONF, "libraries, ", ""),
        (pages.topic_faults, CONF, ".It Cm history\n", ".It Cm past\n"),
        (pages.event_faults, DAEMON, ".Cm oom-kill\n", "\n"),
        (pages.event_faults, DAEMON, ".Cm oom-kill\n", ".Cm oom-kill , oom-gone\n"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:24]),
)
def test_a_spoilt_page_is_told(faults, text, old, new):
    assert text.count(old) >= 1
    assert faults(text.replace(old, new, 1)) != []


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_lost_line_is_told(program):
    """Without any one of the lines of its options, codes or variables no page passes."""
    text = BY_PROGRAM[program]
    check = {"Fl": pages.option_faults, "Ev": pages.variable_faults}
    for macro, faults in check.items():
        lines = set(re.findall(rf"^\.It {macro} .*\n", text, re.M))
        assert lines
        # Some options are described for two commands: then both lines go.
        for line in lines if macro == "Ev" else [sorted(lines)[0]]:
            assert faults(program, text.replace(line, "")) != [], line


def test_defaults_are_a_configuration(tmp_path):
    """As it is, and with every key in it set to its default."""
    text = pages.output(BUILD / "hostingpid", "--defaults")
    every = re.sub(r"^#(?=[a-z0-9_]+ =)", "", text, flags=re.M)
    assert every.count("\n") == text.count("\n") and every != text
    for name, content in {"as-printed": text, "set": every}.items():
        conf = tmp_path / name
        conf.write_text(content)
        words = [BUILD / "hostingpid", "-c", conf, "-t", "--root", "/"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    # What it is of, and what one does with it; above each key what it is for, and what it takes.
    assert text.split("\n")[0][2:] in pages.output(BUILD / "hostingpid", "-V")
    assert "Check with: hostingpid -t" in text
    sections = re.split(r"^\[\w+\]\n", text, flags=re.M)[1:]
    for section in sections:
        for comments in re.findall(r"((?:# .*\n)*)#[a-z0-9_]+ =", section):
            assert comments.count("\n") >= 2, section
    # A comment of one key must not be cut by a terminal.
    assert [line for line in text.splitlines() if line.startswith("# ") and len(line) > 79] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_fits_a_terminal(program):
    texts = {program: pages.output(BUILD / program, "--help")}
    assert texts[program].count("\n") <= 40
    assert f"man {program}" in texts[program]
    if program == "hostingpictl":
        for name in re.findall(r"^  ([a-z]+) ", texts[program], re.M):
            if name != "help":
                texts[name] = pages.output(BUILD / program, "help", name)
    for name, text in texts.items():
        assert [line for line in text.splitlines() if len(line) > 80] == [], name


@pytest.mark.parametrize(
    "words",
    [
        ["hostingpid", "--nothing"],
        ["hostingpid", "-x"],
        ["hostingpid", "-c"],
        ["hostingpid", "--json"],
        ["hostingpid", "-t", "--defaults"],
        ["hostingpictl", "nothing"],
        ["hostingpictl", "drain", "--for", "5"],
        ["hostingpictl", "limits", "lighttpd"],
        ["hostingpictl", "check"],
        ["hostingpictl", "guard"],
        ["hostingpi-post", "--service", "y"],
        ["hostingpi-post", "nothing"],
    ],
    ids=" ".join,
)
def test_wrong_usage_says_what_to_do(words):
    done = subprocess.run([BUILD / words[0], *words[1:]], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{words[0]}: ") and done.stderr.count("\n") == 1
    assert re.search(rf"; see '{words[0]} (--help|help \w+|\w+ --help)'\n$", done.stderr), done.stderr


def files_of(text):
    """The paths of FILES."""
    lines = re.findall(r"^\.It Pa (.*)", pages.part(text, "FILES"), re.M)
    return {path for line in lines for path in line.split(" , ")}


def words_of(path):
    return set(re.findall(r'"(\w+)":', path.read_text())) if path.exists() else set()


def test_files_of_a_running_agent(scratch, run_dir):
    agent = Agent(scratch, {"agent": {"run_dir": run_dir}, "mqtt": {"host": "::1", "port": 1}})
    agent.run_dir = run_dir
    agent.start()
    control = run_dir / "control.sock"
    subprocess.run([BUILD / "hostingpictl", "--socket", control, "drain"], check=True, timeout=60)
    named = files_of(DAEMON)
    below = {path.removeprefix("/run/hostingpi/") for path in named if path.startswith("/run/")}
    wait_until(lambda: words_of(run_dir / "state") >= {"weight", "headroom_bytes"}, what="the state file")
    state = words_of(run_dir / "state")
    seen = {path.name for path in run_dir.iterdir()}
    agent.stop()
    seen |= {path.name for path in run_dir.iterdir()}
    assert {"control.sock", "state", "soft", "hold", "learned", "mqtt-ring"} <= seen
    assert seen - below == set()
    # Those that come about in some cases only must be known to the sources at least.
    code = pages.sources("agent/*.[ch]", "collectors/*.[ch]", "notifiers/*.[ch]")
    assert [name for name in below if f'{name}"' not in code] == []

    section = pages.items(pages.part(DAEMON, "STATE FILES"))
    entry = next(body for head, body in section if head.endswith("/state"))
    assert [name for name in sorted(state) if not re.search(rf"\b{name}\b", entry)] == []


def family_of(reading):
    return f"hostingpi_{reading.replace('.', '_')}".removesuffix("_total")


def test_metrics_of_a_running_agent(start_agent):
    agent = start_agent()
    for family in families():
        url = f"http://{url_host(family)}:{agent.http_port}/metrics"
        text = urllib.request.urlopen(url, timeout=60).read().decode()
        seen = set(re.findall(r"^# TYPE (\w+?)(?:_info|_total)? ", text, re.M))
        readings = {family_of(name) for name in pages.program_readings()}
        assert len(seen & readings) > 20
        # The rule for names is in the page; what does not follow it must be named there.
        http = pages.part(DAEMON, "HTTP")
        assert [name for name in seen - readings if not re.search(rf"\b{name}(_info)?\b", http)] == []


def test_fields_of_the_documents():
    """What Home Assistant and Prometheus are told of has the readings of the manual."""
    schema = json.loads((REPO / "dashboard/schema/state.schema.json").read_text())
    groups = {name: part["properties"] for name, part in schema["properties"].items() if "properties" in part}
    told = {f"{group}.{name}" for group, names in groups.items() for name in names}
    assert pages.program_readings() <= told
