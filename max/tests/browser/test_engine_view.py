"""The view of the engine, while it works and while it does not."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, TimeoutError, expect

from browser.answers import LONG_SCHEMA, QUESTION, ask, last_answer

pytestmark = pytest.mark.browser


def test_engine_is_seen_at_work(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("JSON schema").fill(LONG_SCHEMA)
    page.get_by_role("button", name="Engine", exact=True).click()
    expect(page.locator("#gauge-running")).to_have_text("0")
    ask(page, QUESTION)

    expect(page.locator("#gauge-running")).to_have_text("1")
    expect(page.locator("#gauge-step")).to_contain_text("ms")
    expect(page.locator("#gauge-rate")).not_to_have_text("0")
    expect(page.locator("#steps")).to_have_attribute("aria-label", re.compile(r"last \d+ steps"))
    expect(page.locator("#pages")).to_have_attribute("aria-label", re.compile(r": [1-9]\d* held"))
    request = page.get_by_role("list").filter(has=page.locator(".track")).get_by_role("button")
    expect(request).to_have_count(1)
    expect(request).to_contain_text("tokens")
    request.focus()
    expect(request).to_have_attribute("aria-pressed", "true")

    page.keyboard.press("Escape")
    expect(last_answer(page).locator(".meta")).to_contain_text("stopped")
    expect(page.locator("#gauge-running")).to_have_text("0")


def test_engine_that_has_not_run_yet_is_seen_too(page: Page) -> None:
    """Whatever other visitors made this one do."""

    def without_steps(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), "steps": []})

    page.route("**/ui/engine?*", without_steps)
    page.get_by_role("button", name="Engine", exact=True).click()

    expect(page.locator("#gauge-running")).to_have_text("0")
    expect(page.locator("#steps")).to_have_attribute("aria-label", "No steps yet")
    page.unroute_all(behavior="wait")


def test_pages_are_told_under_the_pointer(page: Page) -> None:
    page.get_by_role("button", name="Engine", exact=True).click()
    expect(page.locator("#page-note")).to_contain_text("blank")

    page.locator("#pages").hover(position={"x": 3, "y": 3})

    expect(page.locator("#page-note")).to_contain_text("Page 1:")


def test_nothing_is_asked_while_the_view_is_closed(page: Page) -> None:
    page.get_by_role("button", name="Engine", exact=True).click()
    with page.expect_response("**/ui/engine?*"):
        pass
    page.get_by_role("button", name="Close engine view").click()
    page.wait_for_load_state("networkidle")

    # More than two of its periods.
    with (
        pytest.raises(TimeoutError, match="1200ms"),
        page.expect_request("**/ui/engine?*", timeout=1200),
    ):
        pass
