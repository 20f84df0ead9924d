"""Tests of `max.serve.echo`; `test_scored_choice` has those of the answers."""

from __future__ import annotations

import pytest

from max.pipelines.lib.token_pieces import TokenPieces
from max.pipelines.lib.tokenizer import TextTokenizer
from max.serve.echo import EchoedPrompt


def test_every_token_needs_a_score(tokenizer: TextTokenizer) -> None:
    with pytest.raises(ValueError, match="shorter"):
        EchoedPrompt("ab", [1, 2]).scored_tokens(TokenPieces(tokenizer))
