"""Tokens are shown as text and as the bytes that they add to it."""

from __future__ import annotations

import pytest

from max.pipelines.lib.token_pieces import TokenPieces
from max.pipelines.lib.tokenizer import TextTokenizer

TEXTS = ("hello world", "日本 naïve 😀", " two  spaces", "\N{REPLACEMENT CHARACTER} itself", "a\nb")


@pytest.fixture(params=["byte_level", "byte_fallback"])
def tokenizer(request: pytest.FixtureRequest) -> TextTokenizer:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, TextTokenizer)
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_bytes_of_all_tokens_are_those_of_the_text(tokenizer: TextTokenizer, text: str) -> None:
    pieces = TokenPieces(tokenizer)
    tokens = tokenizer.delegate.encode(text, add_special_tokens=False)

    joined = b"".join(pieces[token].bytes or b"" for token in tokens)

    # SentencePiece puts a space before the text, which only decoding a whole text takes off.
    assert joined in (text.encode(), b" " + text.encode())


def test_leading_space_belongs_to_the_token(tokenizer: TextTokenizer) -> None:
    pieces = TokenPieces(tokenizer)
    tokens = tokenizer.delegate.encode("a hello", add_special_tokens=False)

    assert "".join(pieces[token].text for token in tokens).lstrip() == "a hello"
    assert any(pieces[token].text.startswith(" ") for token in tokens[1:])


def test_part_of_a_character_has_its_byte(byte_fallback: TextTokenizer) -> None:
    pieces = TokenPieces(byte_fallback)
    tokens = byte_fallback.delegate.encode("é", add_special_tokens=False)[-2:]

    assert [pieces[token].bytes for token in tokens] == [b"\xc3", b"\xa9"]
    assert all("\N{REPLACEMENT CHARACTER}" in pieces[token].text for token in tokens)


def test_special_token_is_shown_and_adds_nothing(tokenizer: TextTokenizer) -> None:
    piece = TokenPieces(tokenizer)[tokenizer.eos]

    assert (piece.text, piece.bytes) == ("</s>", None)


def test_token_that_only_the_model_knows_is_empty(tokenizer: TextTokenizer) -> None:
    piece = TokenPieces(tokenizer)[len(tokenizer.delegate) + 5]

    assert (piece.text, piece.bytes) == ("", b"")


def test_every_token_of_the_vocabulary_has_bytes_that_its_text_shows(
    tokenizer: TextTokenizer,
) -> None:
    pieces = TokenPieces(tokenizer)

    for token in range(len(tokenizer.delegate)):
        piece = pieces[token]
        if piece.bytes is not None:
            assert piece.bytes.decode(errors="replace") == piece.text


def tiles(tokenizer: TextTokenizer, text: str) -> list[str]:
    """The text from each token's beginning to the next one's."""
    offsets = TokenPieces(tokenizer).offsets(text, tokenizer.delegate.encode(text))
    ends = [*offsets[1:], len(text)]
    return [text[start:end] for start, end in zip(offsets, ends, strict=True)]


@pytest.mark.parametrize("text", ["hello hello", "日本 naïve", "</s>hello</s> a", ""])
def test_tokens_tile_their_text(tokenizer: TextTokenizer, text: str) -> None:
    """Also where special tokens are written in it; the one in front of it has no room."""
    pieces = tiles(tokenizer, text)

    assert "".join(pieces) == text
    assert pieces[0] == ""
    assert pieces.count("</s>") == text.count("</s>")


def test_space_that_is_put_before_a_text_has_no_room(byte_fallback: TextTokenizer) -> None:
    assert tiles(byte_fallback, "hello hello") == ["", "hello", " hello"]


def test_tokens_of_another_text_stay_inside(byte_level: TextTokenizer) -> None:
    tokens = byte_level.delegate.encode("hello world")

    assert max(TokenPieces(byte_level).offsets("hel", tokens)) == 3
