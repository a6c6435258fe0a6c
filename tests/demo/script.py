# SPDX-License-Identifier: MIT
"""The demonstration by script: each step waits until the thing is seen, and is timed."""

import shutil
import time

import harness
import pressure

MIB = 1 << 20
FALLEN = 70
RETURNED = 95
WIDTH = min(shutil.get_terminal_size().columns, 100)  # 80 where there is no terminal
ATTEMPTS = 3


def shorten(line, width):
    """The line, cut behind a member of its JSON if it is longer, with a mark."""
    if len(line) <= width:
        return line
    mark = ", ..."
    kept, comma, _ = line[: width - len(mark) + 1].rpartition(',"')
    return kept + mark if comma else line[: width - 3] + "..."


class Script:
    def __init__(self, stage):
        self.stage = stage
        self.begin = time.monotonic()
        self.weights = {}

    def say(self, text):
        print(f"demo: {time.monotonic() - self.begin:5.1f} s  {text}", flush=True)

    def wait(self, what, predicate, timeout=30):
        """Waits until predicate() is true; returns the seconds it took."""
        start = time.monotonic()

        def look():
            self.stage.check()
            self.stage.read_messages()
            if moved := self.stage.follow_others():
                self.say(f"      {moved}")
            return predicate()

        harness.wait_until(look, timeout, what, pause=0.05)
        took = time.monotonic() - start
        self.say(f"ok    {what} ({took:.1f} s)")
        return took

    def weight(self):
        return self.stage.haproxy.weight("pi")

    def status(self):
        return self.stage.haproxy.status("pi")

    def note(self, when):
        lines = self.stage.haproxy.command("show servers state pool").splitlines()[2:4]
        self.weights[when] = (self.weight(), [" ".join(line.split()[3:9]) for line in lines])

    def readings_arrive(self):
        total = pressure.meminfo("MemTotal")

        def arrived():
            _, state = self.stage.document("state")
            return state.get("mem", {}).get("total_bytes") == total

        self.wait(f"over MQTT: this machine's memory, {total // MIB} MiB", arrived)
        self.wait("HAProxy has weight 100", lambda: self.weight() == 100)
        self.note("before")

    def pressure_shows(self):
        """A few times at most: on a busy machine other programs may free more than we take."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.pressure_once()
                return
            except harness.LabError as error:
                self.stage.check()
                if attempt == ATTEMPTS:
                    raise harness.LabError(
                        f"{error}: other programs moved too much memory; "
                        "try again when this machine is quieter"
                    ) from error
                self.say(f"once more, because: {error}")
                self.stage.release()
                self.wait("a reading without pressure", self.stage.settled, timeout=60)
                self.wait("the weight is back", lambda: self.weight() >= RETURNED, timeout=60)

    def pressure_once(self):
        self.say(f"      a child takes {self.stage.size // MIB} MiB")
        self.stage.press()
        self.down = self.wait(
            f"HAProxy's weight is below {FALLEN}", lambda: self.weight() < FALLEN
        )
        self.note("during")
        holding = self.stage.pressure.log
        self.wait("all of it is taken", lambda: "holding" in holding.read_text())
        # What it took was kept in reserve for such a job, so it is no reason to stay away.
        self.up = self.wait(
            f"it grows no more, HAProxy's weight is {RETURNED} or more again",
            lambda: self.weight() >= RETURNED,
            timeout=60,
        )
        self.note("after")
        self.stage.release()

    def operator_works(self):
        self.stage.operator("drain")
        self.wait("drain: HAProxy drains", lambda: "DRAIN" in self.status())
        self.stage.operator("ready")
        self.wait("ready: HAProxy sends requests again", lambda: self.status().startswith("UP"))

    def goodbye(self):
        """A clean stop says so everywhere."""
        stage = self.stage
        stage.daemons.remove(stage.agent)
        code = stage.agent.term()
        if code != 0:
            raise harness.LabError(f"the agent ended with {code}\n{stage.agent.tail()}")
        self.wait("the broker says offline", lambda: stage.document("availability")[1] == "offline")
        self.wait("HAProxy has weight 100 again", lambda: self.weight() == 100)

    def figures(self):
        stage = self.stage
        print("demo: figures")
        print(f"  reserve scaled for this demonstration: {stage.reserve // MIB} MiB,")
        print(f"  of {stage.headroom // MIB} MiB headroom; pressure {stage.size // MIB} MiB")
        print("  HAProxy, show servers state: server, address, state, admin state, weights")
        for when, (weight, lines) in self.weights.items():
            print(f"  {when:<7} weight {weight:>3}   {' | '.join(lines)}")
        print(f"  pressure to weight below {FALLEN}: {self.down:.2f} s")
        print(f"  end of its growth to weight {RETURNED} or more: {self.up:.2f} s")
        print(f"  MQTT messages: {stage.seen}, requests that failed: {stage.load.failed}")
        print("  last messages, from mosquitto_sub:")
        for line in stage.subscriber.lines[-4:]:
            print(f"    {shorten(line, WIDTH - 4)}")

    def run(self):
        self.readings_arrive()
        self.pressure_shows()
        self.operator_works()
        self.goodbye()
        self.figures()


def run(stage, begin):
    script = Script(stage)
    script.begin = begin
    script.run()
