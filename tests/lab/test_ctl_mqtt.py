# SPDX-License-Identifier: MIT
"""hostingpictl with a real broker: forget one of two, and a table of all Pis."""

import json
import re
import signal
import socket
import subprocess

import harness
import pytest
from mqtt_lab import mqtt_config, wait_connected
from process import wait_until
from test_ctl import ENTER, LEAVE, Terminal, ctl

HOST = harness.LOOPBACK[harness.families()[0]]
LEAVES = ("availability", "about", "weight")


def retained(broker, options=()):
    """Everything that the broker keeps: {topic: payload}."""
    sub = broker.subscriber("#", options=options)
    kept = {topic: payload for _, topic, payload in sub.messages}
    sub.close()
    return kept


def announce(broker, name, presence="offline", options=()):
    """What a Pi with this id leaves at the broker, in both forms of discovery."""
    document = {
        "unique_id": f"hostingpi_{name}_mem_headroom_bytes",
        "state_topic": f"hostingpi/{name}/state",
    }
    mark = json.dumps(document, separators=(",", ":"))
    topics = {f"hostingpi/{name}/{leaf}": "{}" for leaf in LEAVES}
    topics[f"hostingpi/{name}/availability"] = presence
    topics[f"homeassistant/device/{name}/config"] = mark
    topics[f"homeassistant/sensor/{name}/mem_headroom_bytes/config"] = mark
    for topic, payload in topics.items():
        broker.publish(topic, payload, ["-r", "-q", "1", *options])
    return set(topics)


@pytest.fixture
def make_config(scratch):
    """A function that writes what an operator's workstation needs, and gives its path."""

    def make(broker, **keys):
        lines = [f"{key} = {value}" for key, value in {"host": HOST, **keys}.items()]
        return scratch.file("ctl.conf", "\n".join(["[mqtt]", f"port = {broker.port}", *lines, ""]))

    return make


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_forget_one_of_two(mosquitto, make_config, protocol):
    config = make_config(mosquitto, protocol=protocol)
    one, other = announce(mosquitto, "one"), announce(mosquitto, "on")
    # In Home Assistant's tree others may use our id, and below it nothing else is ours.
    strangers = {
        "homeassistant/sensor/one/lamp/config": '{"unique_id":"zigbee_one"}',
        "hostingpi/one": "x",
        "hostingpi": "x",
    }
    for topic, payload in strangers.items():
        mosquitto.publish(topic, payload, ["-r"])
    words = ("forget", "--id", "one", "-c", config)
    done = ctl(*words, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split()[1] for line in done.stdout.splitlines()[:-1]} == one
    assert set(retained(mosquitto)) == one | other | set(strangers)

    done = ctl(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()[:-1]) == {f"removed  {topic}" for topic in one}
    assert set(retained(mosquitto)) == other | set(strangers)

    done = ctl(*words, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "id": "one",
        "broker": f"[{HOST}]:{mosquitto.port}" if ":" in HOST else f"{HOST}:{mosquitto.port}",
        "removed": [],
        "refused": [],
    }


def test_forget_refuses_what_lives(mosquitto, start_agent, make_config):
    agent = start_agent(mqtt_config(mosquitto.port, HOST))
    wait_connected(agent)
    wait_until(lambda: len(retained(mosquitto)) >= 3, what="what the agent leaves")
    # With its own configuration the id and the socket are those of the daemon.
    done = ctl("forget", "-c", agent.config)
    assert done.returncode == 1 and "hostingpid runs here as lab" in done.stderr
    # Elsewhere only the broker can tell.
    config = make_config(mosquitto)
    elsewhere = ("forget", "--id", "lab", "-c", config)
    done = ctl(*elsewhere)
    assert done.returncode == 1 and "stop its hostingpid first" in done.stderr
    assert {f"hostingpi/lab/{leaf}" for leaf in LEAVES} <= set(retained(mosquitto))
    # What it left below another prefix can go meanwhile.
    mosquitto.publish("old/lab/availability", "offline", ["-r"])
    done = ctl("forget", "-c", agent.config, "--prefix", "old", "--force")
    assert done.returncode == 0 and "old/lab/availability" not in retained(mosquitto)
    assert agent.term() == 0
    done = ctl("forget", "-c", agent.config, "--json")
    assert done.returncode == 0, done.stderr
    assert {f"hostingpi/lab/{leaf}" for leaf in LEAVES} <= set(json.loads(done.stdout)["removed"])
    assert retained(mosquitto) == {}
    # A broker that was told nothing says "online" for ever.
    announce(mosquitto, "lab", "online")
    done = ctl(*elsewhere)
    assert done.returncode == 1 and "--force" in done.stderr
    done = ctl(*elsewhere, "--force")
    assert done.returncode == 0 and retained(mosquitto) == {}


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_forget_what_the_broker_refuses(scratch, start_mosquitto, make_config, protocol):
    users = scratch.file("users", "")
    users.chmod(0o600)
    for user in ("boss", "clerk"):
        command = [harness.program("mosquitto_passwd"), "-b", str(users), user, "secret"]
        subprocess.run(command, check=True, timeout=30)
    rules = scratch.file(
        "acl",
        "user boss\ntopic readwrite #\ntopic read $SYS/#\n"
        "user clerk\ntopic read #\ntopic write hostingpi/#\n",
    )
    rules.chmod(0o600)
    broker = start_mosquitto(
        ["allow_anonymous false", f"password_file {users}", f"acl_file {rules}"]
    )
    boss = ["-u", "boss", "-P", "secret"]
    topics = announce(broker, "one", options=boss)
    login = scratch.file("login", "username = clerk\npassword = secret\n")
    login.chmod(0o600)
    config = make_config(broker, credential_file=login, protocol=protocol)
    done = ctl("forget", "--id", "one", "-c", config, "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    refused = {row["topic"] for row in answer["refused"]}
    assert refused == {topic for topic in topics if topic.startswith("homeassistant/")}
    assert refused | set(answer["removed"]) == topics
    assert all(row["reason"] for row in answer["refused"])
    assert set(retained(broker, boss)) == refused
    done = ctl("forget", "--id", "one", "-c", config)
    assert done.returncode == 1 and done.stdout.count("refused  homeassistant/") == 2
    login.write_text("username = clerk\npassword = wrong\n")
    done = ctl("forget", "--id", "one", "-c", config)
    assert done.returncode == 3 and "secret" not in done.stderr and "login" in done.stderr


@pytest.mark.parametrize("name", ["", "#", "+", "a/b", "a#", "lab/+", "x" * 64, "ü", "a b", "*"])
def test_forget_takes_one_id_only(mosquitto, make_config, name):
    topics = announce(mosquitto, "lab")
    done = ctl("forget", "--id", name, "-c", make_config(mosquitto))
    assert done.returncode == 2 and "letters, digits" in done.stderr
    assert set(retained(mosquitto)) == topics


@pytest.mark.parametrize(
    "words, message",
    [
        (["watch", "--prefix", "x"], "--prefix belongs to the command watch --mqtt"),
        (["watch", "--mqtt", "--id", "x"], "--id belongs to the command forget"),
        (["forget", "--mqtt"], "--mqtt belongs to the command watch"),
        (["status", "-c", "x"], "-c belongs to the command forget"),
        (["forget", "--id"], "'--id' needs a value"),
        (["forget", "lab"], "one command only"),
    ],
)
def test_wrong_usage(words, message):
    done = ctl(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_configurations(scratch, mosquitto, make_config):
    """Exit codes of what cannot work, for both commands."""
    for words in (["forget"], ["watch", "--mqtt"], ["watch", "--mqtt", "--json"]):
        config = make_config(mosquitto)
        empty = scratch.file("empty.conf", "[requests]\nunheard = of\n")
        done = ctl(*words, "-c", empty)
        assert done.returncode == 2 and "set host in section [mqtt]" in done.stderr
        done = ctl(*words, "-c", scratch.path / "missing.conf")
        assert done.returncode == 2 and "missing.conf" in done.stderr
        wrong = scratch.file("wrong.conf", "[mqtt]\nhots = ::1\n")
        done = ctl(*words, "-c", wrong)
        assert done.returncode == 2 and "did you mean 'host'?" in done.stderr
        for prefix in ("a/#", "", "x" * 200):
            done = ctl(*words, "-c", config, "--prefix", prefix)
            assert done.returncode == 2 and "prefix" in done.stderr
        config.write_text(f"[mqtt]\nhost = {HOST}\nport = {harness.free_port()}\n")
        done = ctl(*words, "-c", config)
        assert done.returncode == 3 and done.stderr.startswith("hostingpictl: broker ")
        assert done.stdout == "" and done.stderr.count("\n") == 1


def start_two(scratch, mosquitto):
    """Two live agents and one that died."""
    agents = []
    for name in ("one", "two", "dead"):
        config = {"agent": {"id": name}, **mqtt_config(mosquitto.port, HOST)}
        agents.append(harness.Agent(scratch, config, name=name).start())
    for agent in agents:
        wait_connected(agent)
    agents.pop().kill()
    sub = mosquitto.subscriber("hostingpi/dead/availability")
    sub.wait_for(lambda topic, text: text == "offline")
    return agents


def rows(text):
    """The rows of the last table: {id: line}."""
    lines = text.replace("\x1b[K", "").splitlines()
    start = max(number for number, line in enumerate(lines) if line.startswith("ID "))
    return {line.split()[0]: line for line in lines[start + 1 :] if line}


def test_fleet_in_a_pipe(scratch, mosquitto, make_config):
    start_two(scratch, mosquitto)
    mosquitto.publish("hostingpi/one/event", '{"kind":"lost"}')  # before anybody watches
    config = make_config(mosquitto)
    done = ctl("watch", "--mqtt", "-c", config, "-n", "2", env={"COLUMNS": "200"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\nID ") == 2 and "\x1b" not in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "3 Pis: 2 online, 0 stale, 1 offline" in done.stdout
    table = rows(done.stdout)
    assert list(table) == ["dead", "one", "two"]
    assert "offline" in table["dead"] and "%" in table["one"] and "%" in table["two"]

    # Each change is a line, and all that stands in the table is in the lines.
    done = ctl("watch", "--mqtt", "--json", "-c", config, "-n", "12")
    assert (done.returncode, done.stderr) == (0, "")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert documents[0]["connected"] is True
    assert len(documents) == 13
    newest = {document["id"]: document for document in documents[1:]}
    assert newest["dead"]["presence"] == "offline"
    for name in ("one", "two"):
        assert newest[name]["presence"] == "online"
        assert newest[name]["headroom_bytes"] > 0 and 1 <= newest[name]["weight"] <= 100

    # Below another prefix there is nobody.
    done = ctl("watch", "--mqtt", "-c", config, "-n", "1", "--prefix", "other")
    assert done.returncode == 0 and "no Pi has said anything there yet" in done.stdout


def test_fleet_on_a_terminal(scratch, mosquitto, make_config):
    agents = start_two(scratch, mosquitto)
    terminal = Terminal("watch", "--mqtt", "-c", make_config(mosquitto, reconnect_max="1s"))
    terminal.wait_for(b"2 online, 0 stale, 1 offline")
    agents[1].ask("drain")
    terminal.wait_for(b"hold")
    terminal.wait_for(b"s state")
    # The broker goes and comes back, without what it knew.
    mosquitto.kill()
    terminal.wait_for(b"the broker is away for ")
    before = len(terminal.output)
    mosquitto.start()
    wait_until(
        lambda: b"2 online, 0 stale" in terminal.output[before:], 60, what="both Pis again"
    )
    # One hangs: nobody says so, but its samples stay away.
    agents[0].stop()
    wait_until(
        lambda: b"1 online, 1 stale" in terminal.output[before:], 60, what="the one that hangs"
    )
    agents[0].cont()
    terminal.type(b"q")
    terminal.end()
    assert terminal.output.count(ENTER) == terminal.output.count(LEAVE) == 1


def test_fleet_without_colours(mosquitto, make_config):
    announce(mosquitto, "one")
    words = ("watch", "--mqtt", "-c", make_config(mosquitto), "-n", "1")
    colours = Terminal(*words)
    colours.end()
    assert b"\x1b[1;31moffline" in colours.output
    # The screen itself still needs its sequences, but none of them is a colour (SGR).
    plain = Terminal(*words, env={"NO_COLOR": "1"})
    plain.end()
    assert b"offline" in plain.output
    assert re.search(rb"\x1b\[[0-9;]*m", colours.output)
    assert not re.search(rb"\x1b\[[0-9;]*m", plain.output)
    dumb = Terminal(*words, env={"TERM": "dumb"})
    dumb.end()
    assert b"offline" in dumb.output and b"\x1b" not in dumb.output


def test_fleet_is_left_while_nobody_answers(mosquitto, make_config):
    """A port that takes calls and says nothing."""
    with socket.socket(harness.families()[0]) as silent:
        silent.bind((HOST, 0))
        silent.listen()
        config = make_config(mosquitto)
        config.write_text(f"[mqtt]\nhost = {HOST}\nport = {silent.getsockname()[1]}\n")
        for how in (b"q", b"\x03", signal.SIGTERM):
            terminal = Terminal("watch", "--mqtt", "-c", config)
            terminal.wait_for(b"calling the broker")
            if isinstance(how, bytes):
                terminal.type(how)
            else:
                terminal.popen.send_signal(how)
            assert terminal.end() == 0


def test_hostile_messages(mosquitto, make_config):
    """What others write below our prefix is shown harmlessly, or counted."""
    announce(mosquitto, "good")
    for topic, payload in {
        "hostingpi/a b/availability": "online",
        "hostingpi/" + "x" * 64 + "/availability": "online",
        "hostingpi/bad/availability": "perhaps",
        "hostingpi/bad/weight": '{"weight":',
    }.items():
        mosquitto.publish(topic, payload, ["-r"])
    mosquitto.publish("hostingpi/evil/weight", '{"state":"\\u001b[2J\\u009b31m","weight":-5}', ["-r"])
    subprocess.run(
        [harness.program("mosquitto_pub"), "-h", HOST, "-p", str(mosquitto.port), "-r", "-s"]
        + ["-t", "hostingpi/huge/weight"],
        input=b"[" * 200_000,
        check=True,
        timeout=30,
    )
    done = ctl("watch", "--mqtt", "-n", "1", "-c", make_config(mosquitto))
    assert (done.returncode, done.stderr) == (0, "")
    table = rows(done.stdout)
    assert {"good", "evil"} <= set(table) and not {"bad", "huge", "a"} & set(table)
    assert "?[2J?31m" in table["evil"] and "-5" not in table["evil"]
    assert done.stdout.rstrip().endswith("messages that were not understood: 5")
    assert all(line.isprintable() for line in done.stdout.splitlines())
