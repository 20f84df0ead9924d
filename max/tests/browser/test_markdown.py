"""Markdown as the page shows it, and arithmetic as it computes it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SHOW = """async (sources) => {
  const { showMarkdown } = await import("/ui/markdown.js");
  const parent = document.createElement("div");
  for (const source of sources) showMarkdown(parent, source);
  parent.querySelectorAll(".block button").forEach((button) => button.remove());
  return parent.innerHTML;
}"""


def shown(page: Page, *sources: str) -> str:
    """The HTML of a text, after those that it grew from."""
    return str(page.evaluate(SHOW, list(sources)))


def code(text: str) -> str:
    return f'<div class="block"><pre tabindex="0"><code>{text}</code></pre></div>'


TABLE = (
    '<div class="table" tabindex="0"><table>'
    '<thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>'
    "<tbody><tr><td>1</td><td><code>2</code></td></tr></tbody></table></div>"
)


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
        ("one  \ntwo", "<p>one<br>two</p>"),
        ("# A *b*", "<h3>A <em>b</em></h3>"),
        ("#### A", "<h5>A</h5>"),
        ("#hashtag", "<p>#hashtag</p>"),
        ("**a** __b__ *c* _d_ ~~e~~ `f*`", "<p><strong>a</strong> <strong>b</strong> <em>c</em>"
         " <em>d</em> <s>e</s> <code>f*</code></p>"),
        ("***a***", "<p><strong><em>a</em></strong></p>"),
        ("2 * 3 * 4, a_b_c, 2**3", "<p>2 * 3 * 4, a_b_c, 2**3</p>"),
        (r"\*a\*", "<p>*a*</p>"),
        ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
        ("1. a\n\n   more\n\n2. b", "<ol><li>a<p>more</p></li><li>b</li></ol>"),
        ("3) a\n4) b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("- a\n\ntext", "<ul><li>a</li></ul><p>text</p>"),
        ("- a\n1. b", "<ul><li>a</li></ul><ol><li>b</li></ol>"),
        ("- ```\n  x\n  ```", f"<ul><li>{code('x')}</li></ul>"),
        ("> a\n> - b", "<blockquote><p>a</p><ul><li>b</li></ul></blockquote>"),
        ("---", "<hr>"),
        ("text\n---", "<p>text</p><hr>"),
        ("```python\na <b>\n\nc\n```\nd", code("a &lt;b&gt;\n\nc") + "<p>d</p>"),
        ("````\n```\n````", code("```")),
        ("~~~\na", code("a")),
        ("|a|b|\n|-|-|\n|1|`2`|", TABLE),
        ("a | b", "<p>a | b</p>"),
    ],
)  # fmt: skip
def test_markdown(page: Page, source: str, html: str) -> None:
    assert shown(page, source) == html


LINK = '<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{1}</a>'


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("[a](https://b.c)", LINK.format("https://b.c", "a")),
        ("![a](https://b.c/d.png)", LINK.format("https://b.c/d.png", "a")),
        ("https://b.c/d_(e).", LINK.format("https://b.c/d_(e)", "https://b.c/d_(e)") + "."),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("<b>a</b>", "&lt;b&gt;a&lt;/b&gt;"),
        ("[a](javascript:alert(1))", "[a](javascript:alert(1))"),
        ("[a](data:text/html,x)", "[a](data:text/html,x)"),
        ("[a](//b.c)", "[a](//b.c)"),
        ('[a](https://b.c"onclick=x)', LINK.format("https://b.c&quot;onclick=x", "a")),
    ],
)  # fmt: skip
def test_nothing_of_an_answer_runs_or_is_fetched(page: Page, source: str, html: str) -> None:
    assert shown(page, source) == f"<p>{html}</p>"


@pytest.mark.parametrize(
    "source",
    [
        "> " * 5000 + "a",
        "- " * 3000 + "a",
        "*" * 20_000,
        "[" * 20_000,
        "`" * 9999 + "a",
        "|a|\n|-|\n" * 5000,
        "_a" * 10_000,
    ],
    ids=lambda source: source[:4],
)
def test_time_is_bounded(page: Page, source: str) -> None:
    page.set_default_timeout(20_000)
    assert shown(page, source)


def test_text_that_grows_ends_as_if_it_had_come_at_once(page: Page) -> None:
    text = "# A\n\n- b **c**\n  - d\n\n```\ne\n```\n\n|f|\n|-|\n|g|\n\nh `i`"

    grown = shown(page, *(text[:end] for end in range(len(text) + 1)))

    assert grown == shown(page, text)


CALCULATE = """async (expression) => {
  const { calculate } = await import("/ui/calculator.js");
  try { return calculate(expression); } catch (error) { return error.message; }
}"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3 - 4 / 8", "8.5"),
        ("10 - 3 - 2", "5"),
        ("2 ^ 3 ^ 2", "512"),
        ("-2 ** 2", "-4"),
        ("0.1 + 0.2", "0.3"),
        ("7 % 4", "3"),
        ("1e3", "1000"),
        ("1 +", "not an arithmetic expression: 1 +"),
        ("alert(1)", "not an arithmetic expression: alert(1)"),
        ("(1", "a bracket is not closed"),
        ("1 2", "not an arithmetic expression: 1 2"),
    ],
)
def test_calculator(page: Page, expression: str, value: str) -> None:
    assert page.evaluate(CALCULATE, expression) == value
