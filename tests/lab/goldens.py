# SPDX-License-Identifier: MIT
"""What hostingpid says about the boards below tests/roots, and the files that it is compared with.

Run as a program (make goldens) it writes those files anew. What differs from run to run is left out:
times, counts, the agent's own figures.
"""

import concurrent.futures
import difflib
import json
import re
import subprocess
import sys
import tempfile

from harness import BUILD, REPO

ROOTS = REPO / "tests" / "roots"
BOARDS = sorted(path.name for path in ROOTS.iterdir() if (path / "proc").is_dir())
DOCTORS = ["cm4", "pi3b", "pi4-nfs"]
# This machine may have a web server; the boards have none.
CONFIG = "[requests]\nsource = none\n"


def run(board, *words):
    """Standard output and exit code of hostingpid on a board."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(CONFIG)
        config.flush()
        done = subprocess.run(
            [BUILD / "hostingpid", "-c", config.name, "--root", ROOTS / board, *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout.replace(config.name, "CONFIG"), done.returncode


def run_all(jobs):
    """{job: (output, exit code)} for jobs (board, word, ...), all at the same time."""
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return dict(zip(jobs, pool.map(lambda job: run(*job), jobs)))


def steady(text):
    text = re.sub(r"in the last \d+ s", "in the last N s", text)
    return re.sub(r"_age_s: [^,\n]+", "_age_s: N s", text)


def once_golden(output):
    state = json.loads(output)
    for key in ("ts", "seq", "interval_ms", "self"):
        del state[key]
    del state["lb"]["since"]
    # A time on record is ever longer ago; that there is one is no matter of chance.
    for group in state.values():
        if isinstance(group, dict):
            group.update({name: "N" for name in group if name.endswith("_age_s")})
    state["unknown"] = {
        name: steady(reason)
        for name, reason in state["unknown"].items()
        if not name.startswith("self.")
    }
    return json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def doctor_golden(output):
    output = re.sub(r"^hostingpid \S+ ", "hostingpid VERSION ", output)
    output = re.sub(r"(?m)^self .*\n( .*\n)*", "", output)
    return steady(output)


def jobs():
    """{golden file: (job, what makes the golden of its output)}"""
    found = {
        ROOTS / board / "golden-once.json": ((board, "--once", "--json"), once_golden)
        for board in BOARDS
    }
    for board in DOCTORS:
        found[ROOTS / board / "golden-doctor.txt"] = ((board, "--doctor"), doctor_golden)
    return found


def difference(path, text):
    """Nothing, or a diff for people."""
    golden = path.read_text() if path.exists() else ""
    return "".join(
        difflib.unified_diff(
            golden.splitlines(True),
            text.splitlines(True),
            f"{path.relative_to(REPO)} (golden)",
            "what hostingpid says now",
            n=1,
        )
    )


def write():
    todo = jobs()
    outputs = run_all([job for job, _ in todo.values()])
    changed = 0
    for path, (job, golden) in todo.items():
        output, code = outputs[job]
        if code not in (0, 1):
            sys.exit(f"hostingpid {' '.join(job)}: exit code {code}")
        text = golden(output)
        diff = difference(path, text)
        if diff:
            changed += 1
            path.write_text(text)
            sys.stdout.write(diff)
    print(f"goldens: {len(todo)} files, {changed} written anew")


if __name__ == "__main__":
    write()
