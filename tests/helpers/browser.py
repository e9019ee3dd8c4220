"""A headless Chromium for tests, and the playground in it.

``python -m tests.browser`` in the repository draws docs/images/playground.png anew.
"""

import shutil
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WAIT = 60_000
"""Milliseconds until something on a page counts as missing: the machine may be busy."""


def find_chromium():
    """The browser's path; without one the test is skipped."""
    for name in CHROMIUM:
        if path := shutil.which(name):
            return path
    return pytest.skip("no Chromium, which the tests of the page need: apt-get install chromium")


@contextmanager
def chromium_alone():
    """A browser that can load nothing from elsewhere: it finds no name."""
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Served:
    """An application that is served at a free port of this machine while the context lasts."""

    def __init__(self, app):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = uvicorn.Config(app, "127.0.0.1", self.port, log_level="error")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            time.sleep(0.05)
        return f"http://127.0.0.1:{self.port}/"

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(10)


def take_picture(path, query="length=40&step=58&columns=160&agents=copy-ntm,random"):
    """Writes a picture of the page as PNG, 1,420 pixels wide."""
    from agents.views.playground.gallery import Gallery
    from agents.views.playground.server import build_app

    with Served(build_app(Gallery())) as address, chromium_alone() as browser:
        page = browser.new_page(viewport={"width": 1420, "height": 1000})
        page.goto(f"{address}?{query}", timeout=WAIT)
        page.wait_for_selector("#ntm .ntm-memory[src]", timeout=WAIT)
        page.get_by_text("What if ...").click()
        page.wait_for_function(
            "[...document.querySelectorAll('#ntm img')].every(i => i.complete && i.naturalWidth)",
            timeout=WAIT,
        )
        page.wait_for_timeout(1000)
        page.screenshot(path=path, full_page=True)


if __name__ == "__main__":
    take_picture("docs/images/playground.png")
