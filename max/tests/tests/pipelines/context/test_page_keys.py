"""What identifies the content of a request's pages."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from max.pipelines.context import TextContext, TokenBuffer


class ContextWithImages(TextContext):
    """A request some of whose tokens stand for images, here by the position of their first one."""

    digests: dict[int, bytes]

    def page_content(self, start: int, stop: int) -> bytes:
        """Tokens, and the digests of the images that begin among them."""
        images = [digest for at, digest in self.digests.items() if start <= at < stop]
        return super().page_content(start, stop) + b"".join(images)


def make_context(
    tokens: Iterable[int], adapter: str | None = None, salt: str | None = None
) -> TextContext:
    return TextContext(
        max_length=1000, tokens=TokenBuffer(tokens), adapter=adapter, cache_salt=salt
    )


def test_equal_beginnings_have_equal_keys() -> None:
    mine, other = make_context(range(12)), make_context([*range(8), 99, 98, 97, 96, 95])
    assert mine.page_keys(4)[:2] == other.page_keys(4)[:2]
    assert mine.page_keys(4)[2] != other.page_keys(4)[2]
    assert len(mine.page_keys(4)) == 3


def test_a_key_covers_what_stands_before_its_page() -> None:
    keys = make_context([*range(4), *range(4), 9, *range(3), *range(4)]).page_keys(4)
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    ("adapter", "salt"), [("a", None), (None, "a"), ("", ""), ("a", "a"), ("', 'a", None)]
)
def test_adapter_and_salt_are_part_of_every_key(adapter: str, salt: str | None) -> None:
    keys, plain = make_context(range(8), adapter, salt).page_keys(4), make_context(range(8))
    assert not set(keys) & set(plain.page_keys(4))
    assert keys == make_context(range(8), adapter, salt).page_keys(4)
    assert keys != make_context(range(8), "", "', 'a").page_keys(4)


def test_keys_grow_with_the_tokens_and_do_not_change() -> None:
    ctx = make_context(range(7))
    first = list(ctx.page_keys(4))
    ctx.tokens.append(7)
    ctx.tokens.rewind()
    assert ctx.page_keys(4) == make_context(range(8)).page_keys(4)
    assert ctx.page_keys(4)[:1] == first
    assert ctx.page_keys(8) == make_context(range(8)).page_keys(8)


def test_keys_are_the_same_in_every_process() -> None:
    """SHA-256 of int64 tokens after SHA-256 of the root."""
    key = make_context(range(4)).page_keys(4)[0]
    assert key.hex() == "f9f8819e05df0013e731461ad4fc7fa3600b452a62dc427af849644a2b5ed56c"


def test_pages_with_other_images_have_other_keys() -> None:
    contexts = []
    for digest in (b"cat", b"dog"):
        ctx = ContextWithImages(max_length=20, tokens=TokenBuffer([5] * 12))
        ctx.digests = {5: digest}
        contexts.append(ctx)
    cat, dog = (ctx.page_keys(4) for ctx in contexts)
    assert cat[0] == dog[0]
    assert not set(cat[1:]) & set(dog[1:])
