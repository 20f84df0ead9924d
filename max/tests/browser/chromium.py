"""The browser, and what is noted of a visit."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Request, expect, sync_playwright

# Machines of tests are busy.
PATIENCE_MS = 60_000
# What a browser logs by itself of an answer that the page deals with.
_REFUSED = re.compile("the server responded with a status of 40[01]")


def program() -> str:
    """Where Chromium is.

    Raises:
        RuntimeError: if it is not there.
    """
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not os.path.exists(found):
        raise RuntimeError("no Chromium: `apt-get install chromium`, or name it with CHROMIUM")
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """Runs a headless Chromium."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # As root it has no sandbox of its own; it sees no page but ours.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=program(), args=arguments)
        yield browser
        browser.close()


class Visit:
    """A tab, and what went wrong in it: errors, warnings, requests to others than the server."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.problems: list[str] = []
        self._url = url
        self._context = browser.new_context(**options)
        self._context.set_default_timeout(PATIENCE_MS)
        self.page = self._context.new_page()
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self._context.on("request", self._note_request)
        self.page.goto(url)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _REFUSED.search(message.text):
            self.problems.append(message.text)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith(self._url):
            self.problems.append(f"asked {request.url}")

    def close(self) -> None:
        """Closes the tab."""
        self._context.close()
