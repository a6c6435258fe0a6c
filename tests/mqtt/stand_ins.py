# SPDX-License-Identifier: MIT
"""What stands where a name server or a broker should be.

Theory of operation: a thread for each listener and each caller; they live as long as the process,
which plays one fault. None of them knows MQTT.
"""

import contextlib
import random
import socket
import struct
import threading

A, AAAA = 1, 28  # RFC 1035, RFC 3596
# A record of TLS 1.2 that promises a handshake message of 122 bytes, which never comes.
HALF_HANDSHAKE = bytes.fromhex("160303007a")
NOISE = random.Random(5).randbytes(65536)  # the same for every caller


class NameServer:
    """Answers for one name: addresses is {"6": [...], "4": [...]} and may be changed."""

    def __init__(self, addresses, listen):
        self.addresses = addresses
        for family, address in listen:
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.bind((address, 53))
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        while True:
            question, caller = sock.recvfrom(512)
            with contextlib.suppress(ValueError, IndexError, struct.error):
                sock.sendto(self._answer(question), caller)

    def _answer(self, packet):
        end = packet.index(0, 12) + 5  # the name, its end, type and class
        kind = struct.unpack("!H", packet[end - 4 : end - 2])[0]
        family, key = {AAAA: (socket.AF_INET6, "6"), A: (socket.AF_INET, "4")}.get(kind, (None, ""))
        found = [socket.inet_pton(family, text) for text in self.addresses.get(key, ())]
        header = packet[:2] + struct.pack("!HHHHH", 0x8580, 1, len(found), 0, 0)
        # Each record: the name by a pointer to the question, and nothing is to be kept.
        records = (
            struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(address)) + address for address in found
        )
        return header + packet[12:end] + b"".join(records)


def listen(port):
    """For all addresses of both families."""
    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)


def talk_noise(connection):
    while True:
        connection.sendall(NOISE)


def stall_handshake(connection):
    connection.recv(4096)
    connection.sendall(HALF_HANDSHAKE)
    while connection.recv(4096):
        pass


class Impostor:
    """Listens where a broker should be; what(connection) is called for each caller."""

    def __init__(self, port, what):
        self.what, self.calls = what, []
        self.server = listen(port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.server.accept()[0]
                self.calls.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            self.what(connection)

    def close(self):
        for sock in [self.server, *self.calls]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # ends accept() and recv(), too
            sock.close()


class Relay:
    """Between agent and broker; garble() puts noise into what the agent hears."""

    def __init__(self, port, broker):
        self.broker = broker
        self.garbles = False
        self.callers = set()
        self.server = listen(port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            caller = self.server.accept()[0]
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller):
        with contextlib.suppress(OSError), caller:
            with socket.create_connection(self.broker, timeout=10) as broker:
                broker.settimeout(None)
                self.callers.add(caller)
                threading.Thread(target=self._carry, args=(caller, broker), daemon=True).start()
                self._carry(broker, caller, spoils=True)
        self.callers.discard(caller)

    def _carry(self, source, target, spoils=False):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
                # A greeting passes, and then it goes wrong.
                if spoils and self.garbles:
                    target.sendall(NOISE)
            target.shutdown(socket.SHUT_WR)

    def garble(self):
        self.garbles = True
        for caller in list(self.callers):
            with contextlib.suppress(OSError):
                caller.sendall(NOISE)
