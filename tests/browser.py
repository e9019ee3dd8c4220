"""A headless Chromium for tests, and the playground in it."""

import shutil
import socket
import threading
import time

import pytest
import uvicorn

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WAIT = 60_000
"""Milliseconds until something on a page counts as missing: the machine may be busy."""


def find_chromium():
    """The browser's path; without one the test is skipped."""
    for name in CHROMIUM:
        if path := shutil.which(name):
            return path
    return pytest.skip("no Chromium, which the tests of the page need: apt-get install chromium")


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
