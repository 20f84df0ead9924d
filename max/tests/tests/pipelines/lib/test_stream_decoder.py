"""Streams of tokens become the text that decoding all of them gives, cut at the stop string."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from max.pipelines.context import SamplingParams
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.lib.tokenizer.anchored_decoder import AnchoredDecoder

FFFD = "\N{REPLACEMENT CHARACTER}"
WORDS = ["hello", " ", "Stop", "日本", "😀", "👍🏽", "é", "\n", ".", "st", "ab", "  "]
TEXTS = st.one_of(st.lists(st.sampled_from(WORDS), max_size=12).map("".join), st.text(max_size=30))
CUTS = st.lists(st.integers(0, 60), max_size=8)
each_kind = pytest.mark.parametrize("kind", ["byte_level", "byte_fallback"])

Tokenizers = Mapping[str, TextTokenizer]


@pytest.fixture(scope="session")
def tokenizers(byte_level: TextTokenizer, byte_fallback: TextTokenizer) -> Tokenizers:
    """The tokenizers by kind."""
    return {"byte_level": byte_level, "byte_fallback": byte_fallback}


def token_ids(tokenizer: TextTokenizer, text: str) -> list[int]:
    """The tokens of a text, without those that the model expects around it."""
    ids: list[int] = tokenizer.delegate.encode(text, add_special_tokens=False)
    return ids


def byte_ids(tokenizer: TextTokenizer, data: bytes) -> list[int]:
    """One token per byte, whether or not the bytes are UTF-8."""
    vocabulary = tokenizer.delegate.get_vocab()
    if "<0x00>" in vocabulary:
        return [vocabulary[f"<0x{byte:02X}>"] for byte in data]
    # GPT-2's table: printable Latin-1 characters stand for themselves, the others from U+0100 on.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    names = {b: chr(b) for b in printable} | {b: chr(256 + n) for n, b in enumerate(others)}
    return [vocabulary[names[byte]] for byte in data]


def whole_text(tokenizer: TextTokenizer, tokens: Sequence[int]) -> str:
    """What decoding all tokens at once gives."""
    return str(
        tokenizer.delegate.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
    )


def pieces_of(
    decoder: StreamDecoder, tokens: Sequence[int], cuts: Sequence[int] | None = None
) -> list[str]:
    """What each push gives, and at last what finish gives; one token per push without cuts."""
    if cuts is None:
        bounds = list(range(len(tokens) + 1))
    else:
        bounds = sorted({0, len(tokens), *(cut for cut in cuts if cut < len(tokens))})
    pieces = [decoder.push(tokens[start:end]) for start, end in pairwise(bounds)]
    return [*pieces, decoder.finish()]


def cut_at_stop(text: str, stop: Sequence[str]) -> tuple[str, str | None]:
    """The plain meaning of stop strings: the first to be complete, the longest of several."""
    for end in range(1, len(text) + 1):
        complete = [s for s in stop if text[:end].endswith(s)]
        if complete:
            longest = max(complete, key=len)
            return text[: end - len(longest)], longest
    return text, None


@each_kind
@given(text=TEXTS, cuts=CUTS)
def test_pieces_of_a_text_are_the_text(
    tokenizers: Tokenizers, kind: str, text: str, cuts: list[int]
) -> None:
    tokens = token_ids(tokenizers[kind], text)
    pieces = pieces_of(StreamDecoder(tokenizers[kind]), tokens, cuts)
    assert "".join(pieces) == whole_text(tokenizers[kind], tokens)
    if kind == "byte_level":  # the other kind has a sign of its own for a space
        assert "".join(pieces) == text


@each_kind
@given(text=TEXTS)
def test_half_a_character_is_never_shown(tokenizers: Tokenizers, kind: str, text: str) -> None:
    tokens = byte_ids(tokenizers[kind], text.encode())
    expected = whole_text(tokenizers[kind], tokens)
    assert expected in (text, text[1:])  # the byte-fallback kind drops the first space
    shown = ""
    for piece in pieces_of(StreamDecoder(tokenizers[kind]), tokens):
        shown += piece
        assert expected.startswith(shown)
    assert shown == expected


@given(tokens=st.lists(st.integers(0, 345), max_size=60), cuts=CUTS)
def test_any_tokens_of_byte_level_bpe_give_the_text_of_all(
    byte_level: TextTokenizer, tokens: list[int], cuts: list[int]
) -> None:
    pieces = pieces_of(StreamDecoder(byte_level), tokens, cuts)
    assert "".join(pieces) == whole_text(byte_level, tokens)


@given(data=st.binary(max_size=80), cuts=CUTS)
def test_any_bytes_give_the_text_that_python_gives(
    byte_level: TextTokenizer, data: bytes, cuts: list[int]
) -> None:
    pieces = pieces_of(StreamDecoder(byte_level), byte_ids(byte_level, data), cuts)
    assert "".join(pieces) == data.decode(errors="replace")


@given(tokens=st.lists(st.integers(0, 310), max_size=60), cuts=CUTS)
def test_grouping_of_tokens_does_not_matter_with_byte_fallback(
    byte_fallback: TextTokenizer, tokens: list[int], cuts: list[int]
) -> None:
    one_by_one = pieces_of(StreamDecoder(byte_fallback), tokens)
    grouped = pieces_of(StreamDecoder(byte_fallback), tokens, cuts)
    assert "".join(grouped) == "".join(one_by_one)


@each_kind
@given(text=TEXTS, stop=st.lists(st.text("Sto helab日😀", min_size=1, max_size=4)), cuts=CUTS)
def test_text_ends_before_the_stop_string(
    tokenizers: Tokenizers, kind: str, text: str, stop: list[str], cuts: list[int]
) -> None:
    tokens = token_ids(tokenizers[kind], text)
    decoder = StreamDecoder(tokenizers[kind], stop=stop)
    pieces = pieces_of(decoder, tokens, cuts)
    expected = cut_at_stop(whole_text(tokenizers[kind], tokens), stop)
    assert ("".join(pieces), decoder.stopped) == expected


@given(text=TEXTS, start=st.integers(0, 30), length=st.integers(1, 6))
def test_nothing_of_a_stop_string_is_ever_shown(
    byte_level: TextTokenizer, text: str, start: int, length: int
) -> None:
    stop = [text[start : start + length] or "x"]
    expected, _ = cut_at_stop(text, stop)
    shown = ""
    for piece in pieces_of(StreamDecoder(byte_level, stop=stop), token_ids(byte_level, text)):
        shown += piece
        assert expected.startswith(shown)
    assert shown == expected


@each_kind
def test_invalid_bytes_are_shown_when_the_next_token_ends_them(
    tokenizers: Tokenizers, kind: str
) -> None:
    decoder = StreamDecoder(tokenizers[kind])
    assert decoder.push(byte_ids(tokenizers[kind], b"a")) == "a"
    assert decoder.push(byte_ids(tokenizers[kind], b"\xe6\x97")) == ""
    letter = token_ids(tokenizers[kind], "xb")[-1:]
    assert decoder.push(letter).replace(FFFD, "") == "b"


@each_kind
def test_half_a_character_at_the_end_becomes_a_replacement_character(
    tokenizers: Tokenizers, kind: str
) -> None:
    decoder = StreamDecoder(tokenizers[kind])
    assert decoder.push(byte_ids(tokenizers[kind], b"a\xf0")) == "a"
    assert decoder.finish() == FFFD
    assert decoder.finish() == ""


def test_byte_fallback_keeps_characters_that_were_complete(byte_fallback: TextTokenizer) -> None:
    decoder = StreamDecoder(byte_fallback)
    pieces = pieces_of(decoder, byte_ids(byte_fallback, "日".encode() + b"\xff"))
    assert "".join(pieces) == "日" + FFFD


def test_space_between_a_prompt_and_its_completion_stays(byte_fallback: TextTokenizer) -> None:
    prompt, completion = "hello", " hello"
    tokens = token_ids(byte_fallback, prompt + completion)
    answer = tokens[len(token_ids(byte_fallback, prompt)) :]

    assert "".join(pieces_of(StreamDecoder(byte_fallback, continues_text=True), answer)) == (
        completion
    )


def test_only_the_first_space_is_dropped(byte_fallback: TextTokenizer) -> None:
    tokens = token_ids(byte_fallback, "hello hello")
    assert len(tokens) == 2
    decoder = StreamDecoder(byte_fallback)
    assert [decoder.push([token]) for token in tokens] == ["hello", " hello"]


def test_special_tokens_are_skipped_unless_asked_for(byte_level: TextTokenizer) -> None:
    tokens = [byte_level.eos, *token_ids(byte_level, "hello"), byte_level.eos]
    assert pieces_of(StreamDecoder(byte_level), tokens, []) == ["hello", ""]
    with_special = StreamDecoder(byte_level, skip_special_tokens=False)
    assert "".join(pieces_of(with_special, tokens)) == "</s>hello</s>"


def test_stop_string_counts_tokens_up_to_it(byte_level: TextTokenizer) -> None:
    tokens = byte_ids(byte_level, b"one END two")
    decoder = StreamDecoder(byte_level, stop=["END"])
    assert decoder.push(tokens) == "one "
    assert (decoder.stopped, decoder.num_tokens) == ("END", 7)
    assert decoder.push(tokens) == "" and decoder.finish() == ""
    assert decoder.num_tokens == 7


def test_stop_string_across_half_characters(byte_level: TextTokenizer) -> None:
    decoder = StreamDecoder(byte_level, stop=["😀!"])
    tokens = byte_ids(byte_level, "a😀?b😀!c".encode())
    assert "".join(pieces_of(decoder, tokens)) == "a😀?b"


def test_text_that_may_become_a_stop_string_is_shown_at_the_end(byte_level: TextTokenizer) -> None:
    decoder = StreamDecoder(byte_level, stop=["STOP"])
    assert decoder.push(byte_ids(byte_level, b"a STO")) == "a "
    assert decoder.finish() == "STO"
    assert decoder.stopped is None


def test_stop_string_of_a_replacement_character_is_found_at_the_end(
    byte_level: TextTokenizer,
) -> None:
    decoder = StreamDecoder(byte_level, stop=[FFFD])
    assert "".join(pieces_of(decoder, byte_ids(byte_level, b"ab\xf0"))) == "ab"
    assert decoder.stopped == FFFD


def test_stop_strings_count_after_the_fewest_tokens(byte_level: TextTokenizer) -> None:
    tokens = byte_ids(byte_level, b"..a.b")
    decoder = StreamDecoder(byte_level, stop=["."], min_new_tokens=2)
    assert "".join(pieces_of(decoder, tokens)) == "..a"


def test_empty_stop_string_is_refused(byte_level: TextTokenizer) -> None:
    with pytest.raises(ValueError, match="may not be empty"):
        StreamDecoder(byte_level, stop=[""])


class CountingDecoder(AnchoredDecoder):
    """Counts the tokens that are decoded."""

    num_decoded = 0

    def at_start(self, tokens: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """As the base class."""
        self.num_decoded += len(tokens)
        return super().at_start(tokens, skip_special_tokens=skip_special_tokens)


class CountingTokenizer:
    """A tokenizer with a counting decoder."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self.anchored_decoder = CountingDecoder(tokenizer.delegate)
        self.anchored_decoder.num_decoded = 0


@each_kind
@pytest.mark.parametrize(
    "data",
    [b"hello " * 500, "日本😀".encode() * 300, b"\xff" * 3000, b"\xe6\x97" * 1500],
    ids=["letters", "characters", "invalid", "half characters"],
)
def test_cost_of_a_token_does_not_grow(tokenizers: Tokenizers, kind: str, data: bytes) -> None:
    counting = CountingTokenizer(tokenizers[kind])
    pieces_of(StreamDecoder(counting), byte_ids(tokenizers[kind], data))
    assert counting.anchored_decoder.num_decoded < 20 * len(data)


def test_tokens_without_text_do_not_pile_up(byte_level: TextTokenizer) -> None:
    counting = CountingTokenizer(byte_level)
    pieces_of(StreamDecoder(counting), [byte_level.eos] * 2000)
    assert counting.anchored_decoder.num_decoded < 10 * 2000


def test_long_run_that_is_no_text_is_given_out_from_its_sixteenth_token_on(
    byte_level: TextTokenizer,
) -> None:
    decoder = StreamDecoder(byte_level)
    tokens = byte_ids(byte_level, bytes([0xFF]) * 17)

    pieces = [decoder.push([token]) for token in tokens]

    assert pieces[:15] == [""] * 15
    assert pieces[15] == FFFD * 12  # A character may have four bytes, which wait.


@each_kind
def test_length_is_that_of_the_text_that_came(tokenizers: Tokenizers, kind: str) -> None:
    decoder = StreamDecoder(tokenizers[kind])
    assert decoder.text_length == 0
    shown = ""
    for token in byte_ids(tokenizers[kind], "ab日c".encode() + b"\xe6"):
        shown += decoder.push([token])
        assert decoder.text_length == len(shown)
    shown += decoder.finish()
    assert decoder.text_length == len(shown) == 5


def test_length_counts_what_a_stop_string_may_be(byte_level: TextTokenizer) -> None:
    decoder = StreamDecoder(byte_level, stop=["bcd"])
    shown = decoder.push(byte_ids(byte_level, b"abc"))
    assert (shown, decoder.text_length) == ("a", 3)


def test_decoder_of_a_request_has_its_parameters(byte_fallback: TextTokenizer) -> None:
    params = SamplingParams(stop=["o"], min_new_tokens=2)
    tokens = token_ids(byte_fallback, "a o o")

    decoder = StreamDecoder.of(byte_fallback, params, continues_text=True)
    text = "".join(pieces_of(decoder, tokens))
    assert decoder.stopped == "o"
    begun = StreamDecoder.of(byte_fallback, replace(params, stop=None))
    assert begun.push(tokens) == whole_text(byte_fallback, tokens)
    # The first space stays, and the text of the first two tokens is not searched.
    whole = " " + whole_text(byte_fallback, tokens).lstrip(" ")
    first_two = StreamDecoder(byte_fallback, continues_text=True).push(tokens[:2])
    assert text == first_two + cut_at_stop(whole[len(first_two) :], ["o"])[0]


def test_only_hidden_tokens_are_left_out(byte_level: TextTokenizer) -> None:
    first, *rest = token_ids(byte_level, "ab")
    decoder = StreamDecoder(byte_level, hidden_tokens=frozenset({first}))
    tokens = [first, *rest, byte_level.eos]
    shown = "".join(pieces_of(decoder, tokens))
    assert shown == str(byte_level.delegate.decode(tokens[1:], clean_up_tokenization_spaces=False))
