"""The conversation: streamed, stopped, asked again, edited, in a form, with tools and thoughts."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from browser.answers import LONG_SCHEMA, QUESTION, ask, last_answer, streamed
from browser.serving import ADAPTER

pytestmark = pytest.mark.browser


def test_answer_is_streamed_and_weighed(page: Page) -> None:
    ask(page, QUESTION)

    answer = last_answer(page)
    expect(answer.locator(".body")).to_contain_text("3 + 5 = 8")
    expect(answer.locator(".meta")).to_contain_text("16 tokens")
    answer.get_by_role("button", name="Tokens").click()
    token = answer.locator(".token").filter(has_text="apples")
    token.hover()
    tip = page.locator("#tip")
    expect(tip).to_be_visible()
    assert re.search(r"·apples\s*(100|\d+\.\d+) %", tip.inner_text())
    expect(tip.locator("tr")).to_have_count(5)


def test_text_is_shown_while_it_grows_and_stop_ends_it(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("JSON schema").fill(LONG_SCHEMA)
    page.get_by_role("button", name="Close settings").click()
    ask(page, QUESTION)

    answer = last_answer(page)
    expect(answer.locator(".body")).to_contain_text("{")
    page.get_by_role("button", name="Stop").click()

    expect(answer.locator(".meta")).to_contain_text("stopped")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    part = answer.locator(".body").inner_text()
    answer.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Stop").click()
    expect(answer.locator(".meta")).to_contain_text("stopped")
    assert answer.locator(".body").inner_text().startswith(part[:20])


def test_retry_asks_again_and_edit_forgets_what_came_after(page: Page) -> None:
    ask(page, QUESTION)
    expect(last_answer(page).locator(".body")).to_contain_text("8")

    last_answer(page).get_by_role("button", name="Retry").click()
    expect(last_answer(page).locator(".meta")).to_contain_text("16 tokens")
    expect(page.locator(".turn")).to_have_count(2)

    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Your message").fill(QUESTION.replace("5", "4"))
    page.get_by_role("button", name="Send again").click()
    expect(last_answer(page).locator(".body")).to_contain_text("3 + 4 = 7")
    expect(page.locator(".turn")).to_have_count(2)


def test_conversation_goes_on_and_survives_a_reload(page: Page) -> None:
    ask(page, QUESTION)
    expect(last_answer(page).locator(".meta")).to_contain_text("16 tokens")
    page.reload()
    expect(page.locator(".turn")).to_have_count(2)
    ask(page, QUESTION)
    expect(last_answer(page).locator(".meta")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(4)

    page.get_by_role("button", name="New").click()

    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#welcome")).to_be_visible()


def test_answer_has_the_form_of_a_schema(page: Page) -> None:
    form = {
        "type": "object",
        "properties": {"apples": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["apples"],
        "additionalProperties": False,
    }
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_label("JSON schema")
    field.fill("{")
    field.blur()
    expect(page.locator("#schema-error")).to_contain_text("not JSON")
    field.fill(json.dumps(form))
    field.blur()
    expect(page.locator("#schema-error")).to_be_empty()
    ask(page, QUESTION)

    expect(last_answer(page).locator(".meta")).to_contain_text("tokens")
    answer = json.loads(last_answer(page).locator(".body").inner_text())
    assert set(answer) == {"apples"}
    assert isinstance(answer["apples"], int)


def test_settings_reach_the_request_and_what_it_saw_shows_them(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("System prompt").fill("Count well.")
    page.get_by_label("Temperature").fill("0.7")
    page.get_by_label("Most tokens").fill("3")
    with page.expect_request("**/v1/chat/completions") as sent:
        ask(page, QUESTION)
    body = sent.value.post_data_json
    assert (body["temperature"], body["max_tokens"], body["top_logprobs"]) == (0.7, 3, 5)
    assert body["messages"][0] == {"role": "system", "content": "Count well."}
    expect(last_answer(page).locator(".meta")).to_contain_text("cut at its limit")

    last_answer(page).get_by_role("button", name="What it saw").click()

    seen = page.get_by_role("dialog", name="What the model sees")
    expect(seen).to_contain_text("temperature 0.7")
    text = "".join(seen.locator(".token").all_text_contents())
    assert "Count well." in text
    assert QUESTION in text
    seen.locator(".token").first.hover()
    expect(page.locator("#tip")).to_contain_text("token ")
    seen.get_by_role("button", name="Close").click()
    expect(seen).to_be_hidden()


def test_what_it_saw_is_weighed(page: Page) -> None:
    ask(page, QUESTION)
    last_answer(page).get_by_role("button", name="What it saw").click()

    seen = page.get_by_role("dialog", name="What the model sees")
    token = seen.locator(".token[style]").filter(has_text="apples").last
    token.hover()
    tip = page.locator("#tip")
    expect(tip.locator("tr.taken")).to_have_count(1)
    assert re.search(r"token \d+\s*·apples\s*(100|\d+\.\d+) %", tip.inner_text())
    assert tip.locator("tr").count() in (5, 6)
    # The first one follows from nothing.
    seen.locator(".token").first.hover()
    expect(tip).to_contain_text("<|begin_of_text|>")
    expect(tip.locator("tr")).to_have_count(0)


def test_an_adapter_can_be_chosen(page: Page) -> None:
    model = page.get_by_role("combobox", name="Model")
    expect(model.locator("option")).to_have_text(["demo", f"{ADAPTER} (adapter)"])
    model.select_option(ADAPTER)
    ask(page, QUESTION)

    answer = last_answer(page)
    expect(answer.locator(".body")).to_contain_text("Ahoy!")
    expect(answer.get_by_role("heading", name=ADAPTER)).to_be_visible()
    expect(answer.locator(".meta")).to_be_visible()
    page.reload()
    expect(model).to_have_value(ADAPTER)


def test_errors_of_the_server_are_told(page: Page) -> None:
    ask(page, "word " * 5000)

    expect(last_answer(page).get_by_role("alert")).to_contain_text("maximum context length")
    expect(last_answer(page).get_by_role("button", name="Retry")).to_be_visible()


def test_reasoning_is_folded_and_calls_are_answered(page: Page) -> None:
    called = {"id": "call-1", "index": 0, "function": {"name": "calculator", "arguments": ""}}
    argued = {"index": 0, "function": {"arguments": '{"expression": "2 * (3 + 4)"}'}}
    answers = [
        streamed(
            {"reasoning": "I had "},
            {"reasoning": "better compute."},
            {"tool_calls": [called]},
            {"tool_calls": [argued]},
            finish="tool_calls",
        ),
        streamed({"content": "It is **14**."}),
    ]
    asked = []

    def answer(route: Route) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(content_type="text/event-stream", body=answers[len(asked) - 1])

    page.route("**/v1/chat/completions", answer)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Add a calculator").click()
    ask(page, "2 (3 + 4)?")

    first = page.locator(".turn.assistant").first
    expect(first.get_by_text("better compute.")).to_be_hidden()
    first.get_by_text("Thought").click()
    expect(first.get_by_text("I had better compute.")).to_be_visible()
    expect(first.get_by_label("Result of calculator")).to_have_value("14")
    first.get_by_role("button", name="Give it the result").click()
    expect(last_answer(page).locator("strong")).to_have_text("14")
    assert asked[0]["tools"][0]["function"]["name"] == "calculator"
    assert asked[1]["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "call-1",
                    "type": "function",
                    "function": {
                        "name": "calculator",
                        "arguments": '{"expression": "2 * (3 + 4)"}',
                    },
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call-1", "content": "14"},
    ]
