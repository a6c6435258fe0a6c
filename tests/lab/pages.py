# SPDX-License-Identifier: MIT
"""What the manual pages name, and what the programs and their sources have.

Theory of operation: mdoc marks what a word is (Ic a key, Fl an option, Cm a word of ours, Ev a variable), so
the pages are read as they are. The other side comes from the programs where they tell it (--defaults, --help,
--once --json), else from the tables in the sources. Each function takes the text of a page and returns
what is wrong with it, in both directions, so that a page can be spoilt on purpose to see it told.
"""

import functools
import json
import re
import subprocess

from harness import BUILD, REPO

NUMBERS = {"4": "four"}
# Words with an underscore that belong to others, or to what the page itself explains.
FOREIGN = {"access_log", "fastcgi_buffers", "misc_dynamic", "headroom_kb", "no_credit", "remote_id", "retry_after_s"}


def page(name):
    # \% keeps a name in one piece at the end of a line.
    return (REPO / "man" / name).read_text(encoding="utf-8").replace("\\%", "")


def output(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def sources(*patterns):
    files = sorted({path for pattern in patterns for path in REPO.glob(pattern)})
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def part(text, heading, macro="Sh"):
    """What stands under a heading, up to the next one of its rank."""
    found = re.search(
        rf"^\.{macro} {re.escape(heading)}\n(.*?)(?=^\.S[{'h' if macro == 'Sh' else 'hs'}] |\Z)",
        text,
        re.M | re.S,
    )
    return found.group(1) if found else ""


def items(text):
    """[(line of the .It, what follows)] of the outermost lists."""
    found, depth = [], 0
    for line in text.splitlines():
        depth += (line.startswith(".Bl")) - (line.startswith(".El"))
        if line.startswith(".It ") and depth == 1:
            found.append([line[4:], []])
        elif found and not (line == ".El" and depth == 0):
            found[-1][1].append(line)
    return [(head, "\n".join(body)) for head, body in found]


def plain(text):
    """Words only: macros are taken away, commas closed up."""
    text = re.sub(r"^\.\\\".*\n", "", text, flags=re.M)
    text = re.sub(r"^\.[A-Z][a-z]\b ?", "", text, flags=re.M)
    text = re.sub(r"(?<=\s)(Cm|Ic|Li|No|Ns|Sq|Ql|Pq|Ar|Fl)(?=\s)", "", text)
    return re.sub(r"\s+([,.;:])(?=\s)", r"\1", re.sub(r"\s+", " ", text + " "))


def both(what, there, here, where):
    """Sentences about what is in only one of two sets."""
    missing = [f"{where} lacks {what} {name}" for name in sorted(there - here)]
    return missing + [
        f"{where} names {what} {name}, which is not there" for name in sorted(here - there)
    ]


# Keys


@functools.cache
def program_keys():
    """{(section, key): (what it takes, default)}"""
    keys, section, comments = {}, None, []
    for line in output(BUILD / "hostingpid", "--defaults").splitlines():
        if line.startswith("["):
            section, comments = line.strip("[]"), []
        elif found := re.match(r"#([a-z0-9_]+) =(?: (.*))?$", line):
            keys[section, found[1]] = (comments, found[2] or "")
            comments = []
        else:
            comments = [*comments, line[2:]]
    assert ("agent", "interval") in keys and len(keys) > 60
    # The last comment before a key says what it takes.
    return {name: (comments[-1], default) for name, (comments, default) in keys.items()}


def page_keys(text):
    """{(section, key): entry}"""
    keys = {}
    for section in re.findall(r"^\.Ss \[(\w+)\]", text, re.M):
        for head, body in items(part(text, f"[{section}]", "Ss")):
            if head.startswith("Ic "):
                keys.update({(section, key): plain(body) for key in head[3:].split(" , ")})
    return keys


def entry_faults(entry, form, default):
    wanted = [f"Default: {default or 'empty'}"]
    if found := re.search(r", (\S+ to [^\s,]+)", form):
        wanted.append(found[1])
    if form.startswith("one of "):
        wanted += form[7:].split(", ")
    if form == "yes or no":
        wanted.append(form)
    if found := re.match(r"address.* at most (\d+)$", form):
        wanted.append(f"Up to {NUMBERS.get(found[1], found[1])}")
    return [word for word in wanted if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", entry)]


def key_faults(text):
    ours, theirs = program_keys(), page_keys(text)
    faults = both(
        "key",
        {f"[{a}] {b}" for a, b in ours},
        {f"[{a}] {b}" for a, b in theirs},
        "hostingpi.conf(5)",
    )
    for name, (form, default) in ours.items():
        for word in entry_faults(theirs.get(name, ""), form, default):
            faults.append(f"hostingpi.conf(5), [{name[0]}] {name[1]}: does not say '{word}'")
    return faults


def sample_faults(text):
    """Of systemd/hostingpi.conf, where keys are comments."""
    section, faults, keys = None, [], program_keys()
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif (found := re.match(r"# *(\w+) = ", line)) and (section, found[1]) not in keys:
            faults.append(f"hostingpi.conf: no key [{section}] {found[1]}")
    return faults


# Readings and events


@functools.cache
def program_readings():
    words = [BUILD / "hostingpid", "--once", "--json", "--root", REPO / "tests/roots/pi5"]
    document = json.loads(output(*words))
    known = {f"{group}.{name}" for group, v in document.items() if isinstance(v, dict) for name in v}
    known = {name for name in known if not name.startswith("unknown.")}
    assert len(known) > 40
    return known | set(document["unknown"])


def reading_faults(text):
    named = set()
    for head, body in items(part(text, "READINGS").split(".Ss ")[0]):
        group = head.removeprefix("Cm ")
        names = re.sub(r"\([^)]*\)", "", plain(re.split(r"^\.Pp", body, flags=re.M)[0]))
        named |= {f"{group}.{name.strip()}" for name in names.split(",")}
    return both("reading", program_readings(), named, "hostingpid(8)")


def event_kinds():
    """Every kind of event that the sources can make."""
    text = sources("agent/*.c", "collectors/*.c", "notifiers/*.c")
    kinds = set(re.findall(r'batch_event\(\s*\w+,\s*"([a-z-]+)"', text))
    kinds.update(re.findall(r'\.kind = "([a-z-]+)"', sources("agent/*.c")))
    for line in re.findall(r"event\.kind, sizeof\(event\.kind\), (.*)", text):
        kinds.update(re.findall(r'"([a-z-]+)"', line))
    table = sources("collectors/kernel_log_table.c")
    kinds.update(re.findall(r"\[KLOG_(?!NOTHING)\w+\] = \{\"([a-z-]+)\"", table))
    assert len(kinds) > 40
    return kinds


def event_faults(text):
    named = set()
    for _, body in items(part(text, "EVENTS")):
        for line in re.findall(r"^\.Cm (.*)", body, re.M):
            named |= {word for word in line.split() if re.match(r"[a-z]", word)}
    return both("event", event_kinds(), named, "hostingpid(8)")


def topic_faults(text):
    """The topics of MQTT, and the fields of their documents as in the schemas."""
    table = re.findall(r'\[MQTT_\w+\] = \{"([a-z]+)", \d', sources("notifiers/mqtt_queue.c"))
    entries = {head.removeprefix("Cm "): plain(body) for head, body in items(part(text, "MQTT TOPICS"))}
    faults = both("topic", set(table), set(entries), "hostingpi.conf(5)")
    for topic in ("weight", "about"):
        fields = json.loads(sources(f"dashboard/schema/{topic}.schema.json"))["properties"]
        words = set(re.findall(r"\w+", entries.get(topic, "")))
        faults += [f"topic {topic} lacks {name}" for name in fields if name not in words]
    return faults


def doctor_faults(text):
    """Its three parts; what is found in them depends on the machine, and is said in words."""
    code = sources("agent/doctor_print.c")
    parts = re.findall(r'print_level\(findings, \w+, "([^"]*)"', code) + re.findall(r'BOLD, "(\w+)"\)', code)
    named = {head for head, _ in items(part(text, "DOCTOR"))}
    return both("part of --doctor", set(parts), named, "hostingpid(8)")


# Options, exit codes, variables

OPTION_SOURCES = {
    "hostingpid": ["agent/main.c"],
    "hostingpictl": ["agent/ctl/options.c", "agent/ctl/guard.c", "agent/ctl/check.c"],
    "hostingpi-post": ["notifiers/post/main.c"],
}
PAGES = {
    "hostingpid": "hostingpid.8",
    "hostingpictl": "hostingpictl.1",
    "hostingpi-post": "hostingpi-post.8",
}


def source_options(program):
    text = sources(*OPTION_SOURCES[program])
    longs = re.findall(r'\{"([a-z-]+)", (?:required|no)_argument,', text)
    shorts = "".join(re.findall(r'getopt_long\([^"]*"([^"]*)"', text))
    return {f"--{name}" for name in longs} | {f"-{letter}" for letter in re.sub(r"[-+:]", "", shorts)}


@functools.cache
def help_options(program):
    texts = [output(BUILD / program, "--help")]
    if program == "hostingpictl":
        commands = re.findall(r"^  ([a-z]+) ", texts[0], re.M)
        texts += [output(BUILD / program, "help", name) for name in commands if name != "help"]
    found = set()
    for line in "\n".join(texts).splitlines():
        if re.match(r" +-", line):
            found.update(re.findall(r"(?<![\w-])--?[a-zA-Z1][a-z-]*", line[:24]))
    return found


def page_options(text):
    found = set()
    for line in re.findall(r"^\.It (Fl .*)", text, re.M):
        found |= {"--" + name for name in re.findall(r"Fl (?:Fl |-)([a-z][a-z-]*)", line)}
        found |= {"-" + name for name in re.findall(r"Fl ([a-zA-Z1])(?= |$)", line)}
    return found


def option_faults(program, text):
    options = source_options(program)
    return both("option", options, help_options(program), f"{program} --help") + both(
        "option", options, page_options(text), PAGES[program]
    )


def exit_codes(program):
    if program == "hostingpid":
        found = re.search(r"^exit: (.*)", output(BUILD / program, "--help"), re.M | re.S)
        return set(re.findall(r"\b\d+\b", found[1]))
    if program == "hostingpi-post":
        return set(re.findall(r"RESULT_EXIT_\w+ = (\d+)", sources("notifiers/post/result.h")))
    text = sources("agent/ctl/client.h", "agent/ctl/guard.h", "agent/ctl/post.[ch]")
    codes = re.findall(r"(?:CTL|GUARD_EXIT|POST_EXIT)_(?!INTERRUPTED)\w+ = (\d+)", text)
    return set(codes) | {"65", "77"}  # of the service, handed on by "post --wait"


def exit_faults(program, text):
    section = part(text, "EXIT STATUS")
    named = set(re.findall(r"(?<![\w-])(\d{1,3})(?![\w-])", section))
    return both("exit code", exit_codes(program), named, PAGES[program])


VARIABLE_SOURCES = {
    "hostingpid": ["agent/*.c", "collectors/*.c", "notifiers/*.c"],
    "hostingpictl": ["agent/ctl/*.c"],
    "hostingpi-post": ["notifiers/post/*.c"],
}


def variable_faults(program, text):
    code = sources(*VARIABLE_SOURCES[program])
    used = set(re.findall(r'\b(?:un)?(?:get|set)env\("(\w+)"', code))
    # The start of a program by another one: names in a table of their own.
    used |= set(re.findall(r'"(PATH|LANG|TZ)"', code))
    lines = re.findall(r"^\.It Ev (.*)", part(text, "ENVIRONMENT"), re.M)
    named = {name for line in lines for name in line.split(" , ")}
    return both("variable", used, named, PAGES[program])


def guard_signals(text):
    """What guard passes on, without those that stop it and those that are its own."""
    table = re.search(r"numbers\[\] = \{(.*?)\}", sources("agent/ctl/guard_run.c"), re.S)[1]
    own = {"SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCHLD", "SIGPIPE"}
    named = re.search(r"^(SIGTERM, .*) are passed$", text, re.M)[1]
    return set(re.findall(r"SIG\w+", table)) - own, set(re.findall(r"SIG\w+", named))


def signal_faults(program, text):
    """Of what each program catches."""
    if program == "hostingpictl":
        return both("signal", *guard_signals(text), PAGES[program])
    if program == "hostingpid":
        table = re.search(r"numbers\[SIGNALS\] = \{(.*)\}", sources("agent/loop.c"))[1]
        section = "\n".join(head for head, _ in items(part(text, "SIGNALS")))
    else:
        table = re.search(r"interrupt_signals\[\] = \{(.*)\}", sources("notifiers/post/interrupt.c"))[1]
        section = part(text, "DESCRIPTION")
    caught = set(re.findall(r"SIG[A-Z]+", table)) - {"SIGALRM"}  # its own clock
    named = {
        word
        for line in re.findall(r"(?:^\.|^)Dv (.*)", section, re.M)
        for word in re.findall(r"SIG[A-Z]+", line)
    }
    return both("signal", caught, named, PAGES[program])


# Completion


def completion_faults(program, text, where):
    """Options that a completion offers and the program has not."""
    offered = {f"--{name}" for name in re.findall(r"(?<![\w-])--([a-z][a-z-]*)", text)}
    return both("option", {o for o in source_options(program) if o[:2] == "--"}, offered, where)


def key_like_faults(text, where):
    """Names with an underscore after Ic or Cm are keys or readings, or left over from some."""
    known = {key for _, key in program_keys()} | {name.split(".")[1] for name in program_readings()}
    words = {
        word
        for line in re.findall(r"^\.(?:It )?(?:Ic|Cm) (.*)", text, re.M)
        for word in line.split()
        if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", word)
    }
    return [f"{where} names {word}, no key and no reading" for word in sorted(words - known - FOREIGN)]
