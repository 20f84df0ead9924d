"""Draws the pictures of docs/talk-to-a-model.md from a server of the demo model at work.

    ./bazelw run //max/tests/browser:screenshots -- "$PWD/docs/images"

Without Bazel: `MAX_SERVER=... python -m browser.screenshots FOLDER`, from max/tests.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from browser.answers import LONG_SCHEMA, QUESTION, ask, last_answer
from browser.chromium import Visit, launched
from browser.serving import EVERYTHING
from clients.server_program import running_server

WIDE = {"width": 1200, "height": 760}
LOW = {"width": 1200, "height": 520}
TALL = {"width": 1200, "height": 960}
PHONE = {"width": 390, "height": 760}
# Longer than a page of the KV cache, so that it is shared.
PREAMBLE = "Read each question twice, compute step by step, and write the result last. " * 9
NAMES = ("Tom", "Ben", "Anna", "Eva", "Max", "Lea")


@contextmanager
def working(url: str) -> Iterator[None]:
    """Lets the server answer several long requests that begin alike, over and over."""
    done = threading.Event()
    schema = {"type": "json_schema", "json_schema": {"schema": json.loads(LONG_SCHEMA)}}

    def work(name: str) -> None:
        body = {
            "model": "demo",
            "messages": [
                {"role": "system", "content": PREAMBLE},
                {"role": "user", "content": QUESTION.replace("Tom", name)},
            ],
            "response_format": schema,
            "temperature": 1,
        }
        while not done.is_set():
            request = urllib.request.Request(
                f"{url}/v1/chat/completions",
                json.dumps(body).encode(),
                {"content-type": "application/json"},
            )
            urllib.request.urlopen(request).close()

    workers = [threading.Thread(target=work, args=(name,)) for name in NAMES]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        done.set()
        for worker in workers:
            worker.join()


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A tab with the page, ready."""
    visit = Visit(browser, url, **options)
    expect(visit.page.get_by_role("combobox", name="Model")).to_be_enabled()
    yield visit.page
    visit.close()


def draw_conversation(page: Page, path: Path) -> None:
    """A question, and one that the model is less sure of, with the tokens of its answer."""
    ask(page, QUESTION)
    expect(last_answer(page).locator(".meta")).to_be_visible()
    ask(page, "Who has more?")
    expect(last_answer(page).locator(".meta")).to_be_visible()
    last_answer(page).get_by_role("button", name="Tokens").click()
    last_answer(page).locator(".token").first.hover()
    page.screenshot(path=path)


def draw_seen(page: Page, path: Path) -> None:
    """What the model saw, in tokens, one of them with its probability and the alternatives."""
    ask(page, QUESTION)
    expect(last_answer(page).locator(".meta")).to_be_visible()
    last_answer(page).get_by_role("button", name="What it saw").click()
    page.locator("#seen-text .token[style]").filter(has_text="buys").hover()
    expect(page.locator("#tip tr.taken")).to_be_visible()
    page.screenshot(path=path)


def draw_engine(page: Page, path: Path) -> None:
    """The engine under load, with the pages of one request."""
    ask(page, QUESTION)
    page.get_by_role("button", name="Engine", exact=True).click()
    requests = page.locator("#requests button")
    expect(requests).to_have_count(len(NAMES))
    page.wait_for_function("() => document.getElementById('rate-most').textContent !== ''")
    page.wait_for_timeout(12_000)
    requests.nth(1).hover()
    page.screenshot(path=path)


def draw_phone(page: Page, path: Path) -> None:
    """A question and its answer, on a phone."""
    ask(page, QUESTION)
    expect(last_answer(page).locator(".meta")).to_be_visible()
    page.screenshot(path=path)


def main(folder: str) -> int:
    """Draws all pictures into a folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_server(Path(scratch), EVERYTHING) as url,
        launched() as browser,
    ):
        with opened(browser, url, viewport=WIDE) as page:
            draw_conversation(page, target / "talk.png")
        with opened(browser, url, viewport=LOW) as page:
            draw_seen(page, target / "talk-seen.png")
        with opened(browser, url, viewport=PHONE) as page:
            draw_phone(page, target / "talk-phone.png")
        with (
            working(url),
            opened(browser, url, viewport=TALL, color_scheme="dark") as page,
        ):
            draw_engine(page, target / "talk-engine.png")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
