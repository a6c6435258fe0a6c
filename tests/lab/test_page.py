# SPDX-License-Identifier: MIT
"""The status page in a real browser: what it asks for, what it looks like, what it does by itself.

The scenes come from build/VARIANT/lab/page (a day of history takes a day in a real agent); the
last test looks at the page of a running hostingpid.
"""

import functools
import subprocess

import pytest

import browser as lab
from harness import BUILD, families, url_host, wait_until

SLOW = 90  # seconds: a loaded machine, and the page asks every five


@functools.cache
def render(scene):
    return subprocess.run([BUILD / "lab" / "page", scene], check=True, capture_output=True).stdout


@functools.cache
def policy():
    return render("policy").decode().strip()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if lab.obstacle():
        pytest.skip(f"the status page is not looked at: {lab.obstacle()}")
    one = lab.Browser(tmp_path_factory.mktemp("browser"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def quick(tmp_path_factory, browser):
    """Another browser, in which the page's pause of five seconds is a quarter of one."""
    one = lab.Browser(tmp_path_factory.mktemp("quick"))
    one.hurry(20)
    yield one
    one.close()


@pytest.fixture
def server():
    one = lab.PageServer(render("calm"), policy())
    yield one
    one.stop()


def text(browser, name):
    """What is shown in an element, which the page may replace at any moment."""
    script = "const e=document.getElementById(arguments[0]);return e.checkVisibility()?e.innerText:''"
    return browser.run(script, name)


def word(browser):
    return text(browser, "word")


def test_one_request_and_a_clean_console(browser, server):
    browser.look()
    for scene in ("calm", "hostile", "unknown"):
        server.page, server.asked = render(scene), []
        browser.get(server.url)
        # An icon, a font or a script of somebody else's would have been asked for by now.
        assert browser.run("return document.readyState") == "complete"
        assert browser.run("return performance.getEntriesByType('resource').length") == 0
        assert server.asked == ["/"]
        assert browser.console() == []


def test_policy_holds(browser, server):
    """What the policy forbids does not happen: it is not only there, it works."""
    server.page = render("calm").replace(
        b"</main>", b"<script>document.title='run'</script><p style='color:red' id=red>x</p></main>"
    )
    browser.get(server.url)
    assert browser.run("return document.title").startswith("Normal")
    assert browser.run("return getComputedStyle(document.getElementById('red')).color") != "rgb(255, 0, 0)"
    assert len(browser.console()) >= 2


@pytest.mark.parametrize("dark", (False, True), ids=("light", "dark"))
@pytest.mark.parametrize("scene", ("calm", "shed", "trouble", "hold", "unknown", "hostile"))
def test_everybody_can_read_it(browser, server, scene, dark):
    server.page = render(scene)
    for width in (1200, 360):
        browser.look(width=width, dark=dark)
        browser.get(server.url)
        assert browser.audit() == []
        wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], f"scrolls sideways at {width}"
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (int(ground[4:].split(",")[0]) < 64) == dark


@pytest.mark.parametrize(
    "whole, broken, says",
    (
        (b' lang="en"', b"", "no language"),
        (b"<h3", b"<h4", "heading too deep"),
        (b' scope="row"', b"", "th without scope"),
        (b'for="s-day"', b'for="s-week"', "for to nowhere"),
        (b' role="img"', b"", "picture without a name"),
        (b'id="h-about"', b'id="h-events"', "id twice"),
        (b"--soft:#5f5a54", b"--soft:#8c8880", "contrast"),
        (b"<main>", b"<div>", "not one main"),
        (b"<legend", b"<b", "choice without a legend"),
    ),
)
def test_the_audit_sees(browser, server, whole, broken, says):
    assert whole in render("calm")
    server.page, server.policy = render("calm").replace(whole, broken), "default-src 'unsafe-inline'"
    browser.look()
    browser.get(server.url)
    assert any(says in sentence for sentence in browser.audit())


def test_narrowest(browser, server):
    """320 pixels are what WCAG 1.4.10 asks for; also with letters twice as large."""
    for scene in ("trouble", "hostile"):
        server.page = render(scene)
        browser.look(width=320)
        browser.get(server.url)
        assert browser.run("return document.documentElement.scrollWidth") <= 320
        browser.run("document.documentElement.style.fontSize='200%'")
        browser.look(width=640)
        assert browser.run("return document.documentElement.scrollWidth") <= 640


def shown_plots(browser):
    return browser.run(
        "return ['hour','day'].filter(i=>document.getElementById(i).checkVisibility())"
    )


def test_hour_and_day(browser, server):
    browser.look()
    browser.get(server.url)
    assert shown_plots(browser) == ["hour"]
    browser.driver.find_element("css selector", "label[for=s-day]").click()
    assert shown_plots(browser) == ["day"]
    browser.look(media="print")
    assert shown_plots(browser) == ["hour", "day"]


def test_without_scripts(browser, server):
    browser.look(scripts=False)
    browser.get(server.url)
    # What the driver runs itself does run.
    assert word(browser) == "Normal"
    assert "Ask again" in browser.driver.find_element("css selector", "noscript").text
    browser.driver.find_element("css selector", "label[for=s-day]").click()
    assert shown_plots(browser) == ["day"]
    assert server.asked == ["/"]
    browser.look()


def test_refreshes_in_place(browser, server):
    browser.look(height=600)
    browser.get(server.url)
    browser.driver.find_element("css selector", "label[for=s-day]").click()
    icon = browser.run("return document.getElementById('icon').href")
    browser.run("scrollTo(0, 600); window.mine = document.getElementById('about')")
    place = "return document.getElementById('h-events').getBoundingClientRect().top"
    top = browser.run(place)
    server.page = render("trouble")
    wait_until(lambda: word(browser) == "In trouble", SLOW, what="the page to refresh itself")
    assert browser.run("return document.title").startswith("In trouble 1")
    assert browser.run("return document.getElementById('icon').href") != icon
    assert browser.run("return document.getElementById('said').textContent") == "In trouble"
    # The reader's place and choice stay, and what did not change was not touched.
    assert abs(browser.run(place) - top) < 2  # whole pixels
    assert shown_plots(browser) == ["day"]
    assert browser.run("return mine === document.getElementById('about')")
    assert set(server.asked) == {"/"}
    assert browser.audit() == []
    assert browser.console() == []


def test_what_is_selected_stays(quick, server):
    quick.get(server.url)
    quick.run(
        "const r=document.createRange();r.selectNodeContents(document.getElementById('word'));"
        "getSelection().addRange(r)"
    )
    before = len(server.asked)
    server.page = render("trouble")
    wait_until(lambda: quick.run("return document.title").startswith("In trouble"), SLOW)
    assert len(server.asked) > before
    assert word(quick) == "Normal"
    quick.run("getSelection().removeAllRanges()")
    wait_until(lambda: word(quick) == "In trouble", SLOW)


def test_agent_gone_is_said(quick, server):
    def gone():
        return text(quick, "gone")

    quick.get(server.url)
    assert gone() == ""
    server.stop()
    wait_until(gone, SLOW, what="the page to say that nobody answers")
    assert gone().startswith("Not answering since ")
    assert quick.audit() == []
    server.start()
    wait_until(lambda: gone() == "", SLOW, what="the page to see the agent again")


def test_hidden_page_asks_nothing(quick, server):
    quick.get(server.url)
    wait_until(lambda: len(server.asked) >= 2, SLOW, what="the page to refresh itself")
    hide = "Object.defineProperty(document,'hidden',{value:%s,configurable:true});"
    quick.run(hide % "true")
    # By the page's own clock: what was under way is over after four of its pauses, and in
    # eight more nothing is asked.
    pause = "const done=arguments[0];let n=%d;(function go(){n--?setTimeout(go,5000):done()})()"
    quick.driver.execute_async_script(pause % 4)
    asked = len(server.asked)
    quick.driver.execute_async_script(pause % 8)
    assert len(server.asked) == asked
    quick.run(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(lambda: len(server.asked) > asked, SLOW, what="the page to ask when it is seen")


def test_another_version_is_loaded_whole(quick, server):
    quick.get(server.url)
    quick.run("window.mine = 1")
    server.page = render("calm").replace(b"<style>", b"<style>/* newer */")
    wait_until(lambda: quick.run("return window.mine === undefined"), SLOW)


def test_a_real_agent(quick, start_agent):
    """From the daemon, over both families: drained, killed, back again."""
    agent = start_agent()
    agent.agent_check(send=b"lb<1>/pool\n")
    for family in families():
        quick.get(f"http://{url_host(family)}:{agent.http_port}/")
        assert quick.audit() == []
        # It may have asked for itself again by now, and for nothing else.
        others = "return performance.getEntriesByType('resource').map(e=>e.name)"
        assert set(quick.run(others)) <= {quick.run("return location.href")}
    assert "lb<1>/pool" in text(quick, "balancers")
    assert "agent-check" in text(quick, "balancers")
    agent.ask("drain", reason="a <b>new</b> card")
    wait_until(lambda: word(quick) == "Drained", SLOW, what="the page to show the drain")
    assert "a <b>new</b> card" in text(quick, "state")
    assert "-> hold" in text(quick, "events")
    assert quick.console() == []
    agent.kill()
    wait_until(lambda: text(quick, "gone"), SLOW, what="the page to say that the agent is gone")
    agent.start()
    wait_until(lambda: text(quick, "gone") == "", SLOW, what="the page to see the agent again")
