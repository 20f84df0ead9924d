"""Questions to the demo model, and answers that no model gives."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect

QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"
# Of an answer that takes a while.
LONG_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 3000}},
        "required": ["text"],
    }
)


def ask(page: Page, text: str) -> None:
    """Sends a message once the model is there."""
    expect(page.get_by_role("combobox", name="Model")).to_be_enabled()
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def last_answer(page: Page) -> Locator:
    """The answer that stands last."""
    return page.locator(".turn.assistant").last


def streamed(*deltas: dict[str, Any], finish: str = "stop") -> str:
    """The events of an answer."""
    choices = [{"index": 0, "delta": delta} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    chunks = [json.dumps({"choices": [choice]}) for choice in choices]
    return "".join(f"data: {data}\n\n" for data in [*chunks, "[DONE]"])
