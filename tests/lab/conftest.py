# SPDX-License-Identifier: MIT
"""Fixtures: factories that start daemons in a scratch folder which is gone after the test."""

import pathlib
import shutil
import signal
import tempfile

import guard_lab
import harness
import post_loopback
import pytest

# What nohup and shells in the background ignore would be ignored by everything that the tests start.
for _number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(_number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


SHM = pathlib.Path("/dev/shm")


@pytest.fixture(name="run_dir")
def directory_in_memory():
    """As systemd makes it for the service: in memory, and open to other users."""
    if not SHM.is_dir():
        pytest.skip("needs a tmpfs in /dev/shm")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hostingpi-", dir=SHM))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def scratch(request):
    folder = harness.Scratch()
    request.node.scratch = folder
    yield folder
    folder.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its daemons said."""
    outcome = yield
    report = outcome.get_result()
    folder = getattr(item, "scratch", None)
    if report.failed and folder is not None:
        for name, text in folder.logs():
            report.sections.append((f"last output: {name}", text))


def _factory(kind):
    """A fixture that gives a function: it makes and starts one more daemon of this kind."""

    @pytest.fixture
    def make(scratch):
        return lambda *args, **keys: kind(scratch, *args, **keys).start()

    return make


start_mosquitto = _factory(harness.Mosquitto)
start_nginx = _factory(harness.Nginx)
start_haproxy = _factory(harness.Haproxy)
start_agent = _factory(harness.Agent)


@pytest.fixture
def mosquitto(start_mosquitto):
    """A plain running broker."""
    return start_mosquitto()


@pytest.fixture
def nginx(start_nginx):
    """A running nginx with one page."""
    return start_nginx()


@pytest.fixture(scope="module")
def _post_service():
    service = post_loopback.Loopback()
    yield service
    service.close()


@pytest.fixture
def post_service(_post_service):
    """A stand-in for X and Mastodon on loopback, as new."""
    _post_service.reset()
    return _post_service


@pytest.fixture
def machine(scratch):
    """A state file for `hostingpictl guard`; what guards have started ends with the test."""
    stand_in = guard_lab.Machine(scratch)
    yield stand_in
    stand_in.close()
    guard_lab.end_everybody(scratch)


@pytest.fixture
def start_guard(scratch, machine):
    """A function that starts a guard: words of the command, and options of the guard."""

    def start(*words, options=("-v",), name="guard", **pipes):
        return guard_lab.Guard(scratch, machine.path, words, options, name).spawn(**pipes)

    return start
