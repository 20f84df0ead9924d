"""Tests of `max.serve.ui.files`: what the page is made of, and what a browser is told of it."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from max.serve.app import create_app
from max.serve.config import ServerSettings
from max.serve.state import ServerState
from max.serve.ui.files import CONTENT_SECURITY_POLICY, FOLDER, page_files

FILES = list(page_files())
PATHS = [file.path for file in FILES]


def answer(path: str, *, settings: ServerSettings | None = None, **headers: str) -> httpx.Response:
    """What a server with a key answers while its model is loaded, without that key."""
    settings = settings or ServerSettings.from_env({}, ui=True, api_key=["a-key"])
    state = ServerState(settings=settings, phase="loading")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(state))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.get(path, headers=named)

    return asyncio.run(ask())


def test_page_is_there_while_the_model_is_loaded_and_asks_for_no_key() -> None:
    response = answer("/")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>MAX</title>" in response.text


@pytest.mark.parametrize("path", PATHS)
def test_every_file_has_the_headers(path: str) -> None:
    headers = answer(path).headers

    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    policy = dict(part.split(maxsplit=1) for part in CONTENT_SECURITY_POLICY.split("; "))

    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}


def test_browser_that_has_a_file_is_told_so() -> None:
    etag = answer("/").headers["etag"]

    again = answer("/", if_none_match=etag)

    assert (again.status_code, again.content) == (304, b"")
    assert answer("/", if_none_match='"other"').status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/ui/features", "/ui/engine"])
def test_there_is_no_page_where_it_is_off(path: str) -> None:
    assert answer(path, settings=ServerSettings(ui=False)).status_code == 404


@pytest.mark.parametrize("path", ["/ui/features", "/ui/engine"])
def test_what_the_page_asks_needs_the_key(path: str) -> None:
    assert answer(path).status_code == 401
    assert answer(path, authorization="Bearer a-key").status_code == 503


def test_other_files_are_not_served() -> None:
    for path in ("/ui/files.py", "/ui/page/main.js", "/ui", "/ui/%2e%2e/app.py"):
        assert answer(path, authorization="Bearer a-key").status_code == 404


def test_files_name_no_other_server() -> None:
    """Comments may; so may the names of SVG."""
    for path in FOLDER.iterdir():
        text = re.sub(r"^\s*//.*$", "", path.read_text("utf-8"), flags=re.MULTILINE)
        found = set(re.findall(r"https?://[\w.]+", text))
        assert found <= {"http://www.w3.org"}, path.name


def test_page_has_what_it_names_and_nothing_inline() -> None:
    page = (FOLDER / "index.html").read_text("utf-8")
    named = re.findall(r'(?:src|href)="(ui/[^"]+)"', page)

    assert named
    assert {f"/{name}" for name in named} <= set(PATHS)
    assert not re.search(r"<style|\bstyle=|\bon\w+=|<script(?![^>]*\bsrc=)", page)
    scripts = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.js"))
    imported = set(re.findall(r'from "\./([\w.]+)"', scripts))
    assert {f"/ui/{name}" for name in imported} <= set(PATHS)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", scripts
    )


def test_page_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 120_000
