# SPDX-License-Identifier: MIT
"""What a check says to a machine, whatever kind of machine it is: each kind brings try_sh()."""

from course import wait_until
from process import LabError


class Shell:
    def try_sh(self, script, timeout=None):
        """(exit code, output) of a script that root runs on the machine."""
        raise NotImplementedError

    def sh(self, script, timeout=None):
        """The output of a script that must end well."""
        code, said = self.try_sh(script, timeout)
        if code:
            raise LabError(f"on the machine: {script}\nended with {code}: {said[-1500:]}")
        return said.strip()

    def wait_sh(self, script, timeout=120, what=None):
        """Until a script ends well; its output."""
        last = []

        def well():
            last[:] = [self.try_sh(script)]
            return last[0][0] == 0

        try:
            wait_until(well, timeout, what or script, pause=0.1)
        except LabError as error:
            raise LabError(f"{error}; last it said: {last and last[0][1][-500:]}") from None
        return last[0][1].strip()
