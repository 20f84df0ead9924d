"""Text, finish reason and count of an answer, wherever it ends and however its tokens come."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from max.pipelines.context import GenerationStatus
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.lib.tokenizer import TextTokenizer
from max.serve.choice import Choice
from max.serve.mailbox import ChoiceDelta

WORDS = ["a", "ab", "b", " ", "é", "😀", "👍🏽", "日本", "\n\n", "<end>"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map("".join)
STOPS = st.lists(
    st.sampled_from(["ab", "b", "b ", "é", "😀b", "🏽", "本", "\n\n", "d>a"]), max_size=3
)
CUTS = st.lists(st.integers(1, 40), max_size=6)


@given(text=TEXTS, stop=STOPS, length=st.integers(1, 40), cuts=CUTS, ends=st.booleans())
@example(text="a😀b", stop=["😀b"], length=3, cuts=[], ends=False)  # The limit cuts the emoji.
@example(text="a😀b", stop=["😀b"], length=6, cuts=[2, 4], ends=False)  # It is whole.
@example(text="ab", stop=["b"], length=2, cuts=[], ends=True)  # The end token comes with it.
@example(text="ab", stop=["b "], length=2, cuts=[1], ends=True)  # What was held back is shown.
def test_an_answer_ends_where_it_should(
    tokenizer: TextTokenizer, text: str, stop: list[str], length: int, cuts: list[int], ends: bool
) -> None:
    """The tokens are bytes, so every border of a token inside a character is met.

    Args:
        tokenizer: one token is one byte.
        text: what the model says.
        stop: texts that end the answer.
        length: most tokens of the answer.
        cuts: where the tokens are parted into messages.
        ends: whether the end token comes last, rather than the limit.
    """
    data = text.encode()[:length]
    tokens = list(tokenizer.delegate.encode(text))[:length]
    assert len(tokens) == len(data)
    status = GenerationStatus.MAXIMUM_LENGTH
    if ends or not tokens:
        tokens, status = [*tokens, tokenizer.eos], GenerationStatus.END_OF_SEQUENCE
    choice = Choice(0, StreamDecoder(tokenizer, stop=stop))

    shown = ""
    bounds = sorted({0, len(tokens), *(cut for cut in cuts if cut < len(tokens))})
    for start, end in pairwise(bounds):
        is_last = end == len(tokens)
        delta = ChoiceDelta(0, tokens[start:end], status if is_last else GenerationStatus.ACTIVE)
        shown += choice.advance(delta).text
        if choice.finish_reason is not None:
            break

    whole = data.decode(errors="replace")
    found = first_stop(whole, stop)
    if found is not None:
        before, through = found
        assert (shown, choice.finish_reason) == (before, "stop")
        assert choice.num_tokens == len(through.encode())
    else:
        reason = "stop" if status is GenerationStatus.END_OF_SEQUENCE else "length"
        assert (shown, choice.finish_reason) == (whole, reason)
        assert choice.num_tokens == len(tokens)


def first_stop(text: str, stop: list[str]) -> tuple[str, str] | None:
    """The text before the stop string that is complete first (of several the longest), and the
    text up to its end."""
    for end in range(1, len(text) + 1):
        complete = [s for s in stop if text[:end].endswith(s)]
        if complete:
            return text[: end - len(max(complete, key=len))], text[:end]
    return None
