# SPDX-License-Identifier: MIT
"""What -t and --doctor find in the files of section [mqtt], without calling anybody."""

import json
import os
import subprocess
import tempfile

import pytest
from certificates import make_ca, make_certificate, openssl
from harness import BUILD


@pytest.fixture
def look(scratch):
    """A function: what -t says about these settings, as {key: sentence}."""

    def run(config, *words):
        command = [BUILD / "hostingpid", "-c", config, *words]
        # Nothing may ask for a password: there is no terminal, and no input.
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )

    def make(**keys):
        lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
        config = scratch.file("look.conf", f"[requests]\nsource = none\n[mqtt]\nhost = b\n{lines}")
        done = run(config, "-t")
        said = [line.partition("[mqtt] ")[2] for line in done.stderr.splitlines()]
        found = dict(line.split(": ", 1) for line in said)
        assert len(found) == len(said) and done.returncode == (2 if found else 0), done.stderr
        assert ("configuration OK" in done.stdout) == (not found)
        return found

    make.doctor = lambda *words: run(scratch.path / "look.conf", "--doctor", *words).stdout
    return make


def test_a_folder_that_the_unit_hides_is_noted(scratch):
    def notes(program, path="/server-status"):
        text = f"[requests]\nsource = nginx\npath = {path}\n[hook]\nprogram = {program}\n"
        config = scratch.file("hidden.conf", text)
        done = subprocess.run(
            [BUILD / "hostingpid", "-c", config, "-t"], capture_output=True, text=True, timeout=60, check=True
        )
        return [line for line in done.stdout.splitlines() if "does not see this folder" in line]

    with tempfile.NamedTemporaryFile(dir="/tmp") as program:
        os.chmod(program.name, 0o755)
        assert [line.partition(":")[0] for line in notes(program.name)] == ["note"]
        assert "[hook] program: " in notes(program.name)[0]
    assert notes("/bin/true") == []
    assert notes("/bin/true", path="/tmp/") == []  # of a web page


def test_a_folder_that_the_unit_hides_is_no_good_finding(scratch):
    config = scratch.path / "hidden.conf"

    def found(path, *words):
        log = f"/nowhere/access.log, {path}"
        config.write_text(f"[requests]\nsource = log\nlog = {log}\n[hook]\nprogram = {path}\n", encoding="utf-8")
        command = [BUILD / "hostingpid", "-c", config, "--doctor", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        os.chmod(file.name, 0o755)
        rows = json.loads(found(file.name, "--json"))["findings"]
        hidden = [row for row in rows if "does not see this folder" in row["text"]]
        assert {(row["level"], row["module"], row["what"]) for row in hidden} == {
            ("advice", "requests", "log"),
            ("advice", "hook", "program"),
        }
        assert "Could be better" in found(file.name).partition("does not see this folder")[0]
    assert "does not see this folder" not in found("/bin/true")


def test_good_files(scratch, look):
    ca = make_ca(scratch, "ca")
    certificate, key = make_certificate(scratch, "ca", "client", "DNS:pi")
    key.chmod(0o600)
    login = scratch.file("login", "username = u\npassword = s3cret\n")
    login.chmod(0o600)
    folder = scratch.path / "folder"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(ca.read_bytes())
    openssl(scratch, "rehash", folder)
    files = {"ca_file": ca, "cert_file": certificate, "key_file": key, "credential_file": login}
    assert look(**files) == {}
    assert look(ca_path=folder) == {}
    assert look() == {}


def test_files_that_are_not_there(scratch, look):
    paths = {
        key: scratch.path / f"no-{key}"
        for key in ("ca_file", "cert_file", "key_file", "credential_file", "ca_path")
    }
    found = look(**paths)
    assert found.keys() == paths.keys()
    for key, path in paths.items():
        assert found[key].startswith(f"{path}: ")
        assert "make it" in found[key] or key == "ca_path"
    rows = json.loads(look.doctor("--json"))["findings"]
    assert {row["what"]: row["text"] for row in rows if row["module"] == "mqtt"} == found
    text = look.doctor()
    assert f"  [mqtt] ca_file\n    {paths['ca_file']}: " in text


def test_files_behind_other_mistakes(scratch, look):
    """Who mends a configuration hears of everything at once."""
    config = scratch.file("both.conf", "[mqtt]\nhost = b\nca_file = /nowhere\nprot = 1\n[control]\ncap = x\n")
    command = [BUILD / "hostingpid", "-c", config, "-t"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "OK" not in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 3, lines
    assert "both.conf:4: " in lines[0] and "both.conf:6: " in lines[1]
    assert "[mqtt] ca_file: /nowhere: " in lines[2]


def test_login(scratch, look):
    login = scratch.file("login", "username = u\npassword = s3cret\n")
    login.chmod(0o640)
    assert look(credential_file=login) == {
        "credential_file": f"run: chmod 600 {login}: it is open to others than its owner"
    }
    login.chmod(0o600)
    for text, sentence in {
        "password = s3cret\n": "has no username: add the line username = ...",
        "username = u\npasword = s3cret\n": "unknown name, expected one of: username, password",
        "username = u\npsk = 00\n": "set psk = yes",
    }.items():
        login.write_text(text, encoding="ascii")
        found = look(credential_file=login)["credential_file"]
        assert sentence in found and "s3cret" not in found
    for text, sentence in {
        "username = u\n": "has no psk_identity: add the line",
        "psk_identity = i\n": "has no psk: add the line",
        "psk_identity = i\npsk = 0\n": "even number of hexadecimal digits",
        "psk_identity = i\npsk = xy\n": "even number of hexadecimal digits",
        "psk_identity = i\npsk = 00\npassword = s3cret\n": "has no username",
    }.items():
        login.write_text(text, encoding="ascii")
        found = look(credential_file=login, psk="yes")["credential_file"]
        assert sentence in found and "s3cret" not in found
    login.write_text("psk_identity = i\npsk = 00\n", encoding="ascii")
    assert look(credential_file=login, psk="yes") == {}


def test_certificates(scratch, look):
    ca = make_ca(scratch, "ca")
    certificate, key = make_certificate(scratch, "ca", "client", "DNS:pi")
    other, other_key = make_certificate(
        scratch, "ca", "other", "DNS:pi", valid=("20200101000000Z", "20200201000000Z")
    )
    openssl(scratch, *"pkey -aes128 -passout pass:x -out locked.key -in".split(), key)
    locked = scratch.path / "locked.key"
    empty = scratch.file("empty", "")
    for file in (key, other_key, locked, empty):
        file.chmod(0o600)

    def only(wrong, sentence, **files):
        found = look(**{"ca_file": ca, "cert_file": certificate, "key_file": key, **files})
        assert list(found) == [wrong] and sentence in found[wrong], found

    only("ca_file", "has no certificate", ca_file=key)
    only("cert_file", "has no certificate", cert_file=key)
    only("cert_file", "has expired", cert_file=other, key_file=other_key)
    only("key_file", "is not the key of cert_file", key_file=other_key)
    only("key_file", "has no key", key_file=empty)
    only("key_file", "locked with a password", key_file=locked)
    key.chmod(0o644)
    only("key_file", f"run: chmod 600 {key}")
    folder = scratch.path / "folder"
    folder.mkdir()
    assert f"run: openssl rehash {folder}" in look(ca_path=folder)["ca_path"]


def test_switched_off(scratch):
    """Then no file is looked at either."""
    config = scratch.file("off.conf", "[mqtt]\nca_file = /nowhere\n")
    command = [BUILD / "hostingpid", "-c", config]
    assert subprocess.run([*command, "-t"], timeout=60, check=False).returncode == 0
    done = subprocess.run(
        [*command, "--doctor"], timeout=60, check=False, capture_output=True, text=True
    )
    assert "mqtt         switched off: set host in section [mqtt], ca_file = /nowhere\n" in done.stdout
