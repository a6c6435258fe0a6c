# SPDX-License-Identifier: MIT
"""What the agent takes for its broker: bytes go on to the real one, or not.

Theory of operation: a thread accepts, two threads carry each connection. A broker that starts anew is
behind a closed relay until an observer stands, so that nothing gets past it unseen.
"""

import contextlib
import random
import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)
NOISE = random.Random(5).randbytes(4096)


def end(sock, reset=False):
    with contextlib.suppress(OSError):
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class Relay:
    """mode: open; closed (callers are reset), silent (nobody answers them), noise."""

    def __init__(self, port, target_port):
        self.target = ("::1", target_port)
        self.mode = "open"
        self.callers = set()
        self.server = socket.create_server(("::1", port), family=socket.AF_INET6)
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, mode, cut=True):
        self.mode = mode
        if cut:
            self.cut()

    def cut(self):
        for caller in list(self.callers):
            with contextlib.suppress(OSError):
                caller.shutdown(socket.SHUT_RDWR)

    def garble(self):
        """Noise among what the broker says, on the connection that stands."""
        for caller in list(self.callers):
            with contextlib.suppress(OSError):
                caller.sendall(NOISE)

    def _accept(self):
        while True:
            caller = self.server.accept()[0]
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller):
        self.callers.add(caller)
        with contextlib.suppress(OSError):
            if self.mode == "closed":
                return self._done(caller, reset=True)
            if self.mode == "noise":
                caller.sendall(NOISE)
            elif self.mode == "silent":
                while caller.recv(4096):
                    pass
            else:
                self._connect(caller)
        return self._done(caller)

    def _done(self, caller, reset=False):
        self.callers.discard(caller)
        end(caller, reset)

    def _connect(self, caller):
        broker = socket.create_connection(self.target, timeout=10)
        broker.settimeout(None)
        threading.Thread(target=self._carry, args=(caller, broker), daemon=True).start()
        self._carry(broker, caller)

    @staticmethod
    def _carry(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        end(source)
        end(target)
