"""A headless Chromium, and servers of the demo model whose page it opens.

Chromium is the system's: Debian's package `chromium`, or the program that CHROMIUM names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from browser.serving import EVERYTHING
from clients.server_program import running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from browser.chromium import Visit

ADMIN_KEY = "an-admin"
USER_KEY = "a-user"

# Without Bazel the library may not be there.
collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser that all tests share."""
    from browser.chromium import launched

    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without keys, which takes schemas, weighs prompts and has an adapter."""
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, EVERYTHING) as url:
        yield url


@pytest.fixture(scope="session")
def guarded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a user's and an admin's key, which has nothing of all that."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = {"MAX_SERVE_API_KEY": USER_KEY, "MAX_SERVE_ADMIN_API_KEY": ADMIN_KEY}
    with running_server(folder, [], keys) as url:
        yield url


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a tab of its own; in the end nothing went wrong in it, or outside."""
    from browser.chromium import Visit

    visits: list[Visit] = []

    def open_page(url: str, **options: object) -> Page:
        visits.append(Visit(browser, url, **options))
        return visits[-1].page

    yield open_page
    for each in visits:
        each.close()
    assert [problem for each in visits for problem in each.problems] == []


@pytest.fixture
def page(visit: Callable[..., Page], url: str) -> Page:
    """The page of the server without keys, ready."""
    return visit(url)
