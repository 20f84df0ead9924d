"""For everybody: by keyboard, on a phone, in both themes, with names and contrast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.answers import QUESTION, ask, last_answer

pytestmark = pytest.mark.browser

# WCAG 2.2, 1.4.3: contrast of text, https://www.w3.org/TR/WCAG22/#contrast-minimum
LEAST_CONTRAST = 4.5
# WCAG 2.2, 2.5.8: the least size of what is pressed.
LEAST_TARGET_PX = 24

CHECKS = (Path(__file__).parent / "testdata" / "checks.js").read_text("utf-8")


def found(page: Page, check: str) -> list[str]:
    """What a check of checks.js finds, as `nameless()`."""
    return list(page.evaluate(f"() => {{ {CHECKS}; return {check}; }}"))


def views(page: Page) -> Iterator[str]:
    """Shows all that the page has, one after the other; gives the name of each."""
    expect(page.locator("#suggestions button").first).to_be_visible()
    yield "welcome"
    ask(page, QUESTION)
    expect(last_answer(page).locator(".meta")).to_be_visible()
    yield "answer"
    last_answer(page).get_by_role("button", name="Tokens").click()
    last_answer(page).locator(".token").nth(3).hover()
    expect(page.locator("#tip")).to_be_visible()
    yield "tokens"
    page.get_by_role("button", name="Edit").click()
    yield "edit"
    page.keyboard.press("Escape")
    last_answer(page).get_by_role("button", name="What it saw").click()
    expect(page.locator("#seen-text .token[style]").first).to_be_visible()
    yield "what it saw"
    page.keyboard.press("Escape")
    for name in ("Settings", "Engine"):
        page.get_by_role("button", name=name, exact=True).click()
        if name == "Engine":
            expect(page.locator("#gauge-running")).to_have_text("0")
        yield name
        page.keyboard.press("Escape")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast_and_everything_a_name(
    visit: Callable[..., Page], url: str, theme: str
) -> None:
    page = visit(url, color_scheme=theme)
    lightness = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (lightness == "rgb(251, 250, 246)") == (theme == "light")
    for view in views(page):
        assert found(page, f"lowContrast({LEAST_CONTRAST})") == [], f"{theme}, {view}"
        assert found(page, "nameless()") == [], view


def test_phone_shows_everything_without_scrolling_sideways(
    visit: Callable[..., Page], url: str
) -> None:
    page = visit(url, viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    for view in views(page):
        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 360, view
        wide = "() => [...document.querySelectorAll('.panel')].map((each) => each.scrollWidth)"
        assert max(page.evaluate(wide)) <= 360, view
        assert found(page, f"smallTargets({LEAST_TARGET_PX})") == [], view


def focus_on(page: Page, name: str) -> None:
    """Presses Tab until something of this name has the focus."""
    told = "() => (document.activeElement.ariaLabel ?? document.activeElement.textContent).trim()"
    for _ in range(60):
        if page.evaluate(told) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {name!r}")


def test_keyboard_is_enough(page: Page) -> None:
    expect(page.get_by_role("combobox", name="Model")).to_be_enabled()
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.type("Tom has 3 apples")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and buys 5 more. How many apples does Tom have?")
    page.keyboard.press("Enter")
    expect(last_answer(page).locator(".meta")).to_be_visible()
    assert "\n" in page.locator(".turn.user .body").inner_text()

    focus_on(page, "Tokens")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Tokens")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+Tab")
    while not page.evaluate("() => document.activeElement.classList.contains('token')"):
        page.keyboard.press("Shift+Tab")
    first = page.locator("#tip").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tip")).to_be_visible()
    assert page.locator("#tip").inner_text() != first
    page.keyboard.press("End")
    expect(last_answer(page).locator(".token").last).to_be_focused()

    focus_on(page, "What it saw")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()

    focus_on(page, "Settings")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close settings")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#settings")).to_be_hidden()
    expect(page.get_by_role("button", name="Settings")).to_be_focused()


def test_answers_are_told_to_who_hears_them(page: Page) -> None:
    ask(page, QUESTION)

    expect(page.locator("[aria-live=polite]")).to_contain_text("3 + 5 = 8")
    expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")


def test_movement_is_left_out_where_it_is_not_wanted(visit: Callable[..., Page], url: str) -> None:
    page = visit(url, reduced_motion="reduce")
    ask(page, QUESTION)

    expect(last_answer(page).locator(".meta")).to_be_visible()
    moving = "() => document.getAnimations().length"
    assert page.evaluate(moving) == 0
