# SPDX-License-Identifier: MIT
"""LoadCredential: what the configuration names without a folder comes from systemd, and from nowhere else."""

import http.server
import json
import socket
import socketserver
import ssl
import threading

import certificates
import outside
from checks_life import answering
from checks_start import DROP_INS
from course import expect
from process import wait_until
from system_guest import HERE
from where import REPO

UNIT = "/etc/systemd/system/hostingpid.service.d/credentials.conf"
CONF = f"{DROP_INS}/credentials.conf"
SECRETS = "/root/secrets"
TLS_PORT, SERVICE_PORT = 8883, 8080
ELSEWHERE = "a credential, which only the service has"
WORDS = {name: f"secret-{name}-0123456789" for name in ("consumer_key", "consumer_secret", "token", "token_secret", "access_token")}


class Broker(outside.Broker):
    """That of tests/guest, and a third port: TLS, for who has a certificate of ours."""

    def __init__(self, scratch, user, password):
        super().__init__(scratch, user, password)
        certificates.make_ca(scratch, "authority")
        self.certificate = certificates.make_certificate(scratch, "authority", "broker", f"IP:{HERE[socket.AF_INET6]}")
        self.client = certificates.make_certificate(scratch, "authority", "pi", "DNS:pi")
        lines = [f"listener {TLS_PORT} {HERE[socket.AF_INET6]}", f"cafile {scratch.path}/authority.pem",
                 f"certfile {self.certificate[0]}", f"keyfile {self.certificate[1]}", "require_certificate true",
                 "use_identity_as_username true", "allow_anonymous false"]  # fmt: skip
        with open(self.config, "a", encoding="ascii") as config:
            config.write("\n".join([*lines, ""]))


class Service(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A stand-in for X and Mastodon that keeps what it was told, with a certificate of the lab's authority."""

    address_family = socket.AF_INET6
    daemon_threads = True

    def __init__(self, certificate):
        self.told = []
        super().__init__((HERE[socket.AF_INET6], SERVICE_PORT), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.told.append((self.path, self.headers.get("Authorization", "")))
        body = json.dumps({"id": "1", "data": {"id": "1", "text": "x"}}).encode()
        self.send_response(201 if "tweets" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Nowhere."""


def give(lab, files, configuration, start=True):
    """Secrets that only root can read, handed over by the unit; and the configuration that names them."""
    script = f"umask 077; mkdir -p {SECRETS}; umask 022; mkdir -p {UNIT.rpartition('/')[0]} {DROP_INS}\n"
    for name, text in files.items():
        script += f"(umask 077; cat >{SECRETS}/{name} <<'END'\n{text}\nEND\n)\n"
    load = "".join(f"LoadCredential={name}:{SECRETS}/{name}\n" for name in files)
    script += f"cat >{UNIT} <<'END'\n[Service]\n{load}END\ncat >{CONF} <<'END'\n{configuration}END\nsystemctl daemon-reload\n"
    lab.guest.sh(script + ("systemctl restart hostingpid" if start else ""))


def take_back(lab):
    lab.guest.sh(f"rm -rf {UNIT} {CONF} {SECRETS}; systemctl daemon-reload; systemctl restart hostingpid")
    wait_until(answering, 60, "an answer outside")


def tls(lab):
    """TLS key, certificate and authority for the broker, by name alone."""
    authority = (lab.scratch.path / "authority.pem").read_text(encoding="ascii")
    certificate, key = (path.read_text(encoding="ascii") for path in lab.broker.client)
    give(lab, {"mqtt.ca": authority, "mqtt.crt": certificate, "mqtt.key": key},
         "[mqtt]\nca_file = mqtt.ca\ncert_file = mqtt.crt\nkey_file = mqtt.key\n")  # fmt: skip
    wait_until(lambda: outside.tell_from_log(lab.broker.log, f"{TLS_PORT}") and
               outside.tell_from_log(lab.broker.log, "u'pi'"), 60, "a connection with the certificate")  # fmt: skip
    take_back(lab)
    return "connected as 'pi', which the certificate says"


def password(lab):
    """the broker's password by name; what others can see of it, and what -t and --doctor say."""
    guest = lab.guest
    text = f"username = {lab.broker.user}\npassword = {lab.broker.password}"
    conf = f"[mqtt]\nport = {outside.SECRET_PORT}\ncredential_file = mqtt\n"
    marked = len(outside.tell_from_log(lab.broker.log, f"u'{lab.broker.user}'"))
    give(lab, {"mqtt": text}, conf)
    wait_until(lambda: len(outside.tell_from_log(lab.broker.log, f"u'{lab.broker.user}'")) > marked, 60, "a login")
    path = "/run/credentials/hostingpid.service/mqtt"
    mode = guest.sh(f"stat -c '%U %a' {path}")
    code, said = guest.as_someone(f"cat {path}")
    expect(code != 0, f"another user can read it: {said}")
    # Root sees the service's credentials while it runs; others are told where they are.
    code, said = guest.try_sh("hostingpid -t")
    expect(code == 0 and ELSEWHERE not in said, f"-t as root: exit {code}: {said}")
    code, said = guest.as_someone("hostingpid -t")
    expect(code == 0 and ELSEWHERE in said, f"-t as somebody: exit {code}: {said}")
    code, said = guest.as_someone("hostingpid --doctor")
    expect("credential_file: a credential" in said, f"--doctor as somebody: {said}")
    # A handover asks the next configuration within the service: with its credentials.
    pid = guest.sh("systemctl show -P MainPID hostingpid")
    guest.sh("systemctl restart hostingpid")
    guest.sh(f"journalctl -u hostingpid --no-pager -o cat _PID={pid} | grep -q 'handing over'")
    take_back(lab)
    guest.sh(f"printf '{conf.encode('unicode_escape').decode()}' >{CONF}; systemctl restart hostingpid")
    guest.wait_sh("journalctl -u hostingpid --no-pager -o cat -n 20 | grep 'LoadCredential='", 30, "advice in the journal")
    take_back(lab)
    return f"logged in; the file is {mode}, closed to others; by hand: said where it is; without it the journal says what to add"


def no_secrets(lab):
    """examples/credentials as it is, without any of its files: the agent runs, and says what is missing."""
    example = (REPO / "examples/credentials/credentials.conf").read_text(encoding="ascii")
    lab.guest.sh(f"mkdir -p {UNIT.rpartition('/')[0]} {DROP_INS}\ncat >{UNIT} <<'END'\n{example}END\n"
                 f"printf '[mqtt]\\ncredential_file = mqtt\\n' >{CONF}\nsystemctl daemon-reload\n"
                 "systemctl restart hostingpid && systemctl is-active hostingpid")  # fmt: skip
    wait_until(answering, 60, "an answer outside")
    said = lab.guest.wait_sh("journalctl -u hostingpid --no-pager -o cat -n 20 | grep 'has no username'", 60, "the advice")
    take_back(lab)
    return said.splitlines()[-1]


def posts(lab):
    """secrets of Mastodon and of X reach hostingpi-post by name."""
    service = Service(lab.broker.certificate)
    authority = (lab.scratch.path / "authority.pem").read_text(encoding="ascii")
    url = f"https://[{HERE[socket.AF_INET6]}]:{SERVICE_PORT}"
    four = "\n".join(f"{name} = {WORDS[name]}" for name in ("consumer_key", "consumer_secret", "token", "token_secret"))
    try:
        give(lab, {"mastodon": f"access_token = {WORDS['access_token']}", "ca": authority},
             f"[post]\nservice = mastodon\n[mastodon]\nurl = {url}\ncredential_file = mastodon\nca_file = ca\n")  # fmt: skip
        lab.guest.sh("hostingpictl post 'a message of the lab'")
        wait_until(lambda: service.told, 60, "a message at Mastodon")
        expect(service.told[0][1] == f"Bearer {WORDS['access_token']}", f"Mastodon heard {service.told[0]}")
        # Without what was posted: messages have their distance.
        lab.guest.sh("systemctl stop hostingpid")
        service.told.clear()
        give(lab, {"x": four, "ca": authority},
             f"[post]\nservice = x\n[x]\nurl = {url}/2/tweets\ncredential_file = x\nca_file = ca\n")  # fmt: skip
        lab.guest.sh("hostingpictl post 'another message of the lab'")
        wait_until(lambda: service.told, 60, "a message at X")
        heard = service.told[0][1]
        expect(f'oauth_consumer_key="{WORDS["consumer_key"]}"' in heard, f"X heard {heard}")
        expect(f'oauth_token="{WORDS["token"]}"' in heard, f"X heard {heard}")
    finally:
        service.shutdown()
        service.server_close()
    take_back(lab)
    return "Bearer at Mastodon, OAuth signature at X"


ALL = (password, tls, no_secrets, posts)
