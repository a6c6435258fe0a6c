# SPDX-License-Identifier: MIT
"""MQTT over TLS: certificates, client certificates, pre-shared keys and versions. Each way in which
it can fail has its own sentence, and that says what to do."""

import re
import subprocess

import harness
import pytest
from certificates import make_ca, make_certificate, openssl
from mqtt_lab import is_topic, mqtt_config, mqtt_status, wait_connected, wait_log

GOOD_NAMES = "DNS:localhost, IP:::1, IP:127.0.0.1"
PSK = "00c0ffee42" * 4
PSK_LISTENER = ["psk_hint lab", "use_identity_as_username true"]


@pytest.fixture
def tls(scratch, start_mosquitto):
    """Gives a function that starts a broker with TLS; its certificate is for these names."""
    make_ca(scratch, "ca")

    def make(names=GOOD_NAMES, extra=(), **valid):
        certificate, key = make_certificate(scratch, "ca", "broker", names, **valid)
        port = harness.free_port()
        files = [f"cafile {scratch.path}/ca.pem", f"certfile {certificate}", f"keyfile {key}"]
        lines = []
        for family in harness.families():
            lines += [f"listener {port} {harness.LOOPBACK[family]}", *files, *extra]
        return start_mosquitto(lines, port=port, listeners=False)

    make.ca = scratch.path / "ca.pem"
    return make


def assert_refused(agent, broker, *sentences):
    """Each sentence comes in turn, and the broker never sees more than a handshake."""
    for sentence in sentences:
        wait_log(agent, sentence)
    assert not mqtt_status(agent)["connected"]
    assert "Received CONNECT" not in broker.log.read_text()


@pytest.mark.parametrize("host", ["localhost", *(harness.LOOPBACK[f] for f in harness.families())])
def test_tls(tls, start_agent, host):
    broker = tls()
    agent = start_agent(mqtt_config(broker.port, host, ca_file=tls.ca))
    sub = broker.subscriber(options=["--cafile", tls.ca], host="localhost")
    sub.wait_for(is_topic("state"))
    sub.wait_for(is_topic("availability", "online"))
    assert mqtt_status(agent)["tls"] is True
    broker.restart()
    sub.wait_for(is_topic("state"), since=sub.count())
    assert agent.term() == 0
    wait_log(broker, "Received DISCONNECT from hostingpi-lab")


def test_directory_of_certificates(scratch, tls, start_agent):
    broker = tls()
    folder = scratch.path / "certificates"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(tls.ca.read_bytes())
    agent = start_agent(mqtt_config(broker.port, ca_path=folder))
    assert_refused(agent, broker, "is not signed by ca_file or ca_path")
    openssl(scratch, "rehash", folder)
    wait_connected(agent)


def test_certificate_for_another_name(tls, start_agent):
    broker = tls("DNS:other.example")
    agent = start_agent(mqtt_config(broker.port, "localhost", ca_file=tls.ca))
    assert_refused(agent, broker, "certificate is for another name: set host")


def test_certificate_of_another_ca(scratch, tls, start_agent):
    broker = tls()
    agent = start_agent(mqtt_config(broker.port, ca_file=make_ca(scratch, "stranger")))
    assert_refused(agent, broker, "is not signed by ca_file")


@pytest.mark.parametrize(
    "valid, sentence",
    [
        (("20200101000000Z", "20200201000000Z"), "has expired: renew it"),
        (("20900101000000Z", "20910101000000Z"), "is not valid yet: is the clock of this Pi"),
    ],
)
def test_certificate_out_of_its_time(tls, start_agent, valid, sentence):
    broker = tls(valid=valid)
    agent = start_agent(mqtt_config(broker.port, ca_file=tls.ca))
    assert_refused(agent, broker, sentence)


def test_client_certificate(scratch, tls, start_agent):
    broker = tls(extra=["require_certificate true"])
    agent = start_agent(mqtt_config(broker.port, ca_file=tls.ca))
    wait_log(agent, "wants a client certificate: set cert_file and key_file")

    def use(certificate, key):
        agent.configure({"mqtt": {"cert_file": certificate, "key_file": key}})
        agent.reload()

    make_ca(scratch, "stranger")
    other, other_key = make_certificate(scratch, "stranger", "other", "DNS:pi")
    use(other, other_key)
    wait_log(agent, "the broker does not know the CA that signed cert_file")
    certificate, key = make_certificate(scratch, "ca", "client", "DNS:pi")
    use(certificate, other_key)
    wait_log(agent, "key_file is not the key of cert_file")
    use(other_key, key)
    wait_log(agent, "cert_file has no certificate (PEM) in it")
    use(certificate, certificate)
    wait_log(agent, "key_file has no key (PEM) in it")
    openssl(scratch, *"pkey -aes128 -passout pass:x -out locked.key -in".split(), key)
    use(certificate, scratch.path / "locked.key")
    wait_log(agent, "key_file is locked with a password")
    use(certificate, scratch.path / "missing.key")
    wait_log(agent, "key_file: No such file or directory")
    assert "Received CONNECT" not in broker.log.read_text()
    use(certificate, key)
    wait_connected(agent)


def test_expired_client_certificate(scratch, tls, start_agent):
    broker = tls(extra=["require_certificate true"])
    certificate, key = make_certificate(
        scratch, "ca", "client", "DNS:pi", valid=("20200101000000Z", "20200201000000Z")
    )
    files = {"ca_file": tls.ca, "cert_file": certificate, "key_file": key}
    agent = start_agent(mqtt_config(broker.port, **files))
    assert_refused(agent, broker, "cert_file has expired: renew it")


def test_port_of_the_other_kind(tls, mosquitto, start_agent):
    broker = tls()
    agent = start_agent(mqtt_config(broker.port))
    wait_log(agent, "ca_file")  # set it
    agent.configure({"mqtt": {"port": mosquitto.port, "ca_file": tls.ca}})
    agent.reload()
    wait_log(agent, "TLS on this port?")


class TlsServer(harness.Process):
    """openssl s_server: speaks one version of TLS, and no MQTT behind it."""

    def __init__(self, scratch, version, options=()):
        super().__init__(scratch, f"s_server-{version}")
        self.port = harness.free_port()
        self.options = [f"-{version}", *options]

    def argv(self):
        words = ["openssl", "s_server", "-accept", f"[::1]:{self.port}", *self.options]
        return [*words, "-cert", "broker.pem", "-key", "broker.key"]

    def spawn(self, **pipes):
        return super().spawn(stdin=subprocess.PIPE, **pipes)  # at its end it would end, too

    def ready(self):
        return "ACCEPT" in self.log.read_text()


@pytest.mark.parametrize("version, least, sentence", [
    ("tls1_1", "1.2", "does not offer TLS 1.2 or later"),
    ("tls1_2", "1.2", ""),
    ("tls1_3", "1.2", ""),
    ("tls1_2", "1.3", "does not offer TLS 1.3: set tls_version = 1.2"),
    ("tls1_3", "1.3", ""),
])
def test_least_version(scratch, start_agent, version, least, sentence):
    make_ca(scratch, "ca")
    make_certificate(scratch, "ca", "broker", GOOD_NAMES)
    options = ["-cipher", "ALL:@SECLEVEL=0"] if version == "tls1_1" else []
    server = TlsServer(scratch, version, options).start()
    keys = {"ca_file": scratch.path / "ca.pem", "tls_version": least}
    agent = start_agent(mqtt_config(server.port, **keys))
    if sentence:
        wait_log(agent, sentence)
        assert "CIPHER is" not in server.log.read_text()
    else:
        wait_log(server, "CIPHER is ")  # the handshake is through


def test_client_certificate_wanted_by_an_older_broker(scratch, start_agent):
    """TLS 1.2 has no alert of its own for that."""
    ca = make_ca(scratch, "ca")
    make_certificate(scratch, "ca", "broker", GOOD_NAMES)
    server = TlsServer(scratch, "tls1_2", ["-Verify", "1", "-CAfile", "ca.pem"]).start()
    agent = start_agent(mqtt_config(server.port, ca_file=ca))
    wait_log(agent, "may want a client certificate (cert_file, key_file)")


@pytest.fixture
def psk(scratch, start_mosquitto, start_agent):
    """A broker with a pre-shared key; gives a function that starts an agent with this one."""
    keys = scratch.file("psk", f"pi:{PSK}\n")
    port = harness.free_port()
    listeners = [f"psk_file {keys}"]
    for family in harness.families():
        listeners += [f"listener {port} {harness.LOOPBACK[family]}", *PSK_LISTENER]
    broker = start_mosquitto(listeners, port=port, listeners=False)

    def write(identity, key):
        file = scratch.file("login", f"psk_identity = {identity}\npsk = {key}\n")
        file.chmod(0o600)
        return file

    def make(identity, key, port=port, **keys):
        file = write(identity, key)
        return start_agent(mqtt_config(port, psk="yes", credential_file=file, **keys))

    make.broker = broker
    make.write = write
    return make


def test_pre_shared_key(psk):
    agent = psk("pi", PSK)
    wait_connected(agent)
    assert mqtt_status(agent)["tls"] is True
    wait_log(psk.broker, "u'pi'")
    assert PSK not in agent.log.read_text() and PSK not in str(agent.status())
    psk.write("pi", "0" + PSK)
    psk.broker.restart()
    wait_log(agent, "psk must be an even number of hexadecimal digits")
    psk.write("pi", PSK)
    wait_connected(agent)


@pytest.mark.parametrize("identity, key", [("pi", PSK[::-1]), ("nobody", PSK)])
def test_wrong_pre_shared_key(psk, identity, key):
    agent = psk(identity, key)
    wait_log(agent, "warning: mqtt:")
    said = re.search(r"warning: mqtt: .*", agent.log.read_text())[0]
    assert "psk_identity" in said, said
    assert_refused(agent, psk.broker)


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_certificate_instead_of_the_key(scratch, psk, version):
    """libmosquitto 2.0.11 would take any in TLS 1.3 and send the password there."""
    make_ca(scratch, "ca")
    make_certificate(scratch, "ca", "broker", GOOD_NAMES)
    stranger = TlsServer(scratch, version).start()
    agent = psk("pi", PSK, port=stranger.port)
    wait_log(agent, "warning: mqtt:")
    said = re.search(r"warning: mqtt: .*", agent.log.read_text())[0]
    # That of Debian 13 (2.0.21) offers TLS 1.2 only.
    assert re.search("wants certificates instead|shows a certificate instead|which psk needs", said), said
    assert_refused(agent, stranger)
    assert "MQTT" not in stranger.log.read_text(errors="replace")  # it prints what it gets
