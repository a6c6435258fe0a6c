# SPDX-License-Identifier: MIT
"""--doctor: what was found, what lacks and what to do, and nothing about what does not apply."""

import json
import subprocess

import pytest

from harness import BUILD, REPO

ROOTS = REPO / "tests" / "roots"


def run(*words):
    return subprocess.run(
        [BUILD / "hostingpid", *words], capture_output=True, text=True, timeout=60, check=False
    )


def people(config, *words):
    done = run("-c", config, "--doctor", *words)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def document(config, *words):
    done = run("-c", config, "--doctor", "--json", *words)
    found = json.loads(done.stdout)
    attention = [row for row in found["findings"] if row["level"] == "attention"]
    assert found["attention"] == len(attention)
    assert done.returncode == (1 if attention else 0)
    return found


def findings(config, board):
    rows = document(config, "--root", ROOTS / board)["findings"]
    return {(row["module"], row["what"]): row for row in rows}


@pytest.fixture(name="plain")
def without_web(scratch):
    return scratch.file("plain.conf", "[requests]\nsource = none\n")


def test_what_does_not_apply_is_no_finding(plain):
    assert not [key for key in findings(plain, "pi4") if "nfs" in key[1]]
    assert not [key for key in findings(plain, "pi4-nfs") if "nfs" in key[1]]
    text = people(plain, "--root", ROOTS / "pi4")
    assert "nfs          not applicable: root is not on NFS\n" in text


def test_what_says_that_something_is_wrong(plain):
    rows = findings(plain, "pi3b")
    assert not rows["temperature", "soc.undervoltage"]["missing"]
    assert "supply" in rows["temperature", "soc.undervoltage"]["text"]
    assert "vm.swappiness=1" in rows["memory", "vm.swappiness = 60"]["text"]
    assert rows["memory", "mem.psi_some_ratio"]["missing"]
    assert "psi=1" in rows["memory", "mem.psi_some_ratio"]["text"]

    pulled = findings(plain, "pi3b-pulled")
    assert [row for row in pulled.values() if "storage" in row["text"] and not row["missing"]]
    # Swap on zram, or none: any swappiness will do. On disk with 1 as well.
    for board in ("pi5", "vm", "pi4-nfs", "pi3bplus"):
        assert not [key for key in findings(plain, board) if "swappiness" in key[1]]


def test_an_empty_root(plain, tmp_path):
    found = document(plain, "--root", tmp_path)
    rows = {(row["module"], row["what"]): row["text"] for row in found["findings"]}
    assert rows["decision", "cannot judge"]
    assert rows["memory", "mem.total_bytes"]
    assert found["findings_dropped"] == 0 and found["model"] is None
    assert found["decision"]["state"] == "blind"
    assert "cannot judge" in people(plain, "--root", tmp_path)
    # What only a Pi has is not missed where there is none, and takes one line.
    assert {row["level"] for row in found["findings"] if row["what"].startswith("soc.")} == {"absent"}
    assert people(plain, "--root", tmp_path).count("vcio_gencmd") == 0


def test_the_document_has_the_readings(plain):
    found = document(plain, "--root", ROOTS / "pi4")
    assert found["model"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert found["kernel"].startswith("6.12.") and found["configuration"] == str(plain)
    assert found["state"]["soc"]["temp_c"] == 48.686
    assert found["decision"]["weight"] == 100
    assert found["state"]["unknown"]["fs.nfs_stalled"].startswith("not applicable: ")


def test_settings_of_notifiers_are_shown_and_their_files_looked_for(scratch, tmp_path):
    (tmp_path / "login").write_text("username = u\npassword = s3cret\n")
    (tmp_path / "login").chmod(0o600)
    text = "[mqtt]\nhost = broker.invalid\ncredential_file = {}\n"
    good = people(scratch.file("good.conf", text.format(tmp_path / "login")))
    assert "host = broker.invalid" in good
    assert f"credential_file = {tmp_path}/login" in good
    assert "s3cret" not in good

    config = scratch.file("bad.conf", text.format(tmp_path / "missing"))
    rows = document(config)["findings"]
    assert [row for row in rows if row["what"] == "credential_file" and "make it, with mode 0600" in row["text"]]
    # Another root is another machine: its files are not here.
    rows = document(config, "--root", ROOTS / "pi4")["findings"]
    assert not [row for row in rows if row["what"] in ("credential_file", "not synchronised")]


def test_lines_fit_and_have_no_colours(plain):
    for board in ("pi3b", "pi5", "vm"):
        lines = people(plain, "--root", ROOTS / board).splitlines()[2:]
        words = [line for line in lines if not line.startswith("    $ ")]  # commands stay whole
        assert len(lines) > 20 and max(len(line) for line in words) <= 101
        assert "\x1b" not in "".join(lines)


def test_a_broken_configuration_is_not_looked_at(scratch):
    done = run("-c", scratch.file("broken.conf", "[mqtt]\nnonsense = 1\n"), "--doctor")
    assert done.returncode == 2 and "nonsense" in done.stderr and not done.stdout
