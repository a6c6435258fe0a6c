# SPDX-License-Identifier: MIT
"""own_namespace.py PROGRAM ARGUMENTS...: runs a program as a root whose mounts, formats and network are nobody else's.

Theory of operation: since Linux 6.7 a user namespace may have its own binfmt_misc, so that programs for another
processor run in it and nowhere else. All users and groups are mapped to themselves, which only
root may do: files so belong to who they belong in the system that is made. Root and user namespaces
are all that is needed; newuidmap is not.
"""

import ctypes
import os
import sys

NAMESPACES = 0x10000000 | 0x20000 | 0x20000000 | 0x40000000  # user, mount, process, network
USERS = 65536


def _code(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _inside(ready, mapped, words):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NAMESPACES):
        raise OSError(ctypes.get_errno(), "no namespaces here")
    os.write(ready, b".")
    os.read(mapped, 1)
    os.setgid(0)
    os.setuid(0)
    child = os.fork()  # the first one in the new process namespace
    if child == 0:
        os.execvp(words[0], words)
    return _code(child)


def main(words):
    ready, tell_ready = os.pipe()
    mapped, tell_mapped = os.pipe()
    child = os.fork()
    if child == 0:
        sys.exit(_inside(tell_ready, mapped, words))
    os.close(tell_ready)
    if os.read(ready, 1):
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{name}", "w", encoding="ascii") as file:
                file.write(f"0 0 {USERS}\n")
        os.write(tell_mapped, b".")
    return _code(child)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
