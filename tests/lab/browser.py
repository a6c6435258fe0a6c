# SPDX-License-Identifier: MIT
"""Debian's Chromium without a window, and a server of one page that counts what it is asked for.

The browser is driven over its DevTools protocol, through chromedriver: the width of the screen, the
colour scheme, printing and scripts being off are things that a page cannot tell from the real ones.
"""

import base64
import contextlib
import http.server
import os
import pathlib
import shutil
import threading

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None

AUDIT = pathlib.Path(__file__).with_name("page_audit.js")


def obstacle():
    """Why there is no browser here, or an empty text."""
    for name in ("chromium", "chromedriver"):
        if shutil.which(name) is None:
            return f"{name} is not installed (make deps-test)"
    return "" if webdriver else "selenium is not installed for this Python (apt: python3-selenium)"


class Browser:
    def __init__(self, folder):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage",
                     "--hide-scrollbars", "--no-first-run", "--disable-component-update",
                     "--disable-background-networking", f"--user-data-dir={folder / 'chromium'}"):
            options.add_argument(word)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = Service(shutil.which("chromedriver"), log_path=str(folder / "chromedriver.log"))
        # Debian 12 has selenium 4.8, which passes HOME on; Chromium writes there otherwise.
        os.environ["HOME"], before = str(folder), os.environ.get("HOME", "/")
        try:
            self.driver = webdriver.Chrome(service=service, options=options)
        finally:
            os.environ["HOME"] = before
        self.driver.set_page_load_timeout(60)

    def close(self):
        with contextlib.suppress(Exception):
            self.driver.quit()

    def tell(self, command, **values):
        return self.driver.execute_cdp_cmd(command, values)

    def look(self, width=1200, height=900, dark=False, media="", scripts=True, scale=1):
        """How the page is looked at from now on."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=width < 500)
        self.tell("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.tell("Emulation.setScriptExecutionDisabled", value=not scripts)

    def hurry(self, times):
        """Pages that are opened from now on find the page's own pauses shorter."""
        self.tell("Page.addScriptToEvaluateOnNewDocument", source="{const s=setTimeout;"
                  f"window.setTimeout=(f,t)=>s(f,t===5000?t/{times}:t)}}")

    def get(self, url):
        self.console()
        self.driver.get(url)

    def run(self, script, *values):
        return self.driver.execute_script(script, *values)

    def console(self):
        """What was said since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def audit(self):
        """What a person with bad eyes, or none, would stumble over; a list of sentences."""
        return self.run(AUDIT.read_text(encoding="utf-8") + "\nreturn audit();")

    def picture(self, path, height=None):
        """The whole page, or its first height pixels, as PNG."""
        width, whole = self.run("const d=document.documentElement;"
                                "return [innerWidth, d.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height or whole, "scale": 1}
        shot = self.tell("Page.captureScreenshot", format="png", clip=clip,
                         captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))


class PageServer:
    """Serves .page under .policy at "/", and remembers every path that it was asked for."""

    def __init__(self, page, policy):
        self.page, self.policy, self.asked = page, policy, []
        self.httpd, self.port = None, 0
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                found = self.path == "/"
                body = outer.page if found else b"not here"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", outer.policy)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.httpd.server_port
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def stop(self):
        if self.httpd:
            self.httpd.shutdown()
            self.httpd.server_close()
            self.httpd = None
