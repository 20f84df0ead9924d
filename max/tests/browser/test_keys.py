"""A server with API keys: the page asks for one, and shows what that one may see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser.answers import QUESTION, ask, last_answer
from browser.conftest import ADMIN_KEY, USER_KEY

pytestmark = pytest.mark.browser


def give_key(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use it").click()


def test_key_is_asked_for_and_kept_in_the_tab(visit: Callable[..., Page], guarded_url: str) -> None:
    page = visit(guarded_url)
    dialog = page.get_by_role("dialog", name="This server asks for a key")
    expect(dialog).to_be_visible()
    give_key(page, "wrong")
    expect(dialog).to_contain_text("not one of the server's")

    give_key(page, USER_KEY)

    expect(dialog).to_be_hidden()
    ask(page, QUESTION)
    expect(last_answer(page).locator(".body")).to_contain_text("3 + 5 = 8")
    # The engine is for admins, where there are some.
    expect(page.get_by_role("button", name="Engine", exact=True)).to_be_hidden()
    page.reload()
    expect(page.get_by_role("combobox", name="Model")).to_be_enabled()
    expect(dialog).to_be_hidden()
    assert page.evaluate("() => [JSON.stringify(localStorage), location.href]") == ["{}", page.url]


def test_admin_sees_the_engine(visit: Callable[..., Page], guarded_url: str) -> None:
    page = visit(guarded_url)
    give_key(page, ADMIN_KEY)

    page.get_by_role("button", name="Engine", exact=True).click()

    expect(page.locator("#gauge-running")).to_have_text("0")


def test_no_key_is_told(visit: Callable[..., Page], guarded_url: str) -> None:
    page = visit(guarded_url)

    page.get_by_role("button", name="Cancel").click()

    expect(page.locator("#phase")).to_contain_text("Authorization: Bearer")


def test_prompts_are_shown_where_the_server_does_not_weigh_them(
    visit: Callable[..., Page], guarded_url: str
) -> None:
    page = visit(guarded_url)
    give_key(page, USER_KEY)
    ask(page, QUESTION)
    last_answer(page).get_by_role("button", name="What it saw").click()

    seen = page.get_by_role("dialog", name="What the model sees")
    expect(seen).to_contain_text("--enable-echo")
    assert QUESTION in "".join(seen.locator(".token").all_text_contents())
    expect(seen.locator(".token[style]")).to_have_count(0)


def test_schemas_are_off_where_the_server_takes_none(
    visit: Callable[..., Page], guarded_url: str
) -> None:
    page = visit(guarded_url)
    give_key(page, USER_KEY)
    page.get_by_role("button", name="Settings").click()

    expect(page.get_by_label("JSON schema")).to_be_disabled()
    expect(page.locator("#schema-note")).to_contain_text("--enable-structured-output")
