"""The files of `generate_llm_logits`: for each prompt, the logits of each generated token.

    [{"prompt": "...", "values": [{"next_token": 5, "next_token_logits": 1.5, "logits": ARRAY}]}]

With log probabilities, a value has "next_token_logprobs" and "logprobs" too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from integration.test_common.json_arrays import dumps, loads
from integration.test_common.logit_metrics import log_softmax

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TokenLogits:
    """One generated token.

    Attributes:
        next_token: the token that was chosen.
        logits: what it was chosen by, float32 [vocab].
    """

    next_token: int
    logits: Logits


@dataclass(frozen=True)
class PromptLogits:
    """One prompt and the tokens generated after it."""

    prompt: str
    values: Sequence[TokenLogits]

    @property
    def tokens(self) -> list[int]:
        """The generated tokens."""
        return [value.next_token for value in self.values]


def write_logits(path: Path, results: Sequence[PromptLogits], *, with_logprobs: bool) -> None:
    """Writes a file; makes its folder.

    Args:
        path: where to.
        results: what the model gave.
        with_logprobs: whether log probabilities are written beside the logits.
    """
    content = [
        {"prompt": result.prompt, "values": [_entry(v, with_logprobs) for v in result.values]}
        for result in results
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dumps(content), encoding="utf-8")


def read_logits(path: Path) -> list[PromptLogits]:
    """Reads a file.

    Raises:
        ValueError: if it is none of `generate_llm_logits`; says where it departs.
    """
    try:
        content = loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read logits from {path}: {error}") from error
    if not isinstance(content, list) or not content:
        raise ValueError(f"{path} should hold a list of prompts with their logits")
    return [_read_prompt(path, number, entry) for number, entry in enumerate(content)]


def _entry(value: TokenLogits, with_logprobs: bool) -> dict[str, object]:
    entry: dict[str, object] = {
        "next_token": value.next_token,
        "next_token_logits": float(value.logits[value.next_token]),
        "logits": value.logits,
    }
    if with_logprobs:
        logprobs = log_softmax(value.logits).astype(np.float32)
        entry["next_token_logprobs"] = float(logprobs[value.next_token])
        entry["logprobs"] = logprobs
    return entry


def _read_prompt(path: Path, number: int, entry: Any) -> PromptLogits:
    try:
        values = [TokenLogits(int(v["next_token"]), v["logits"]) for v in entry["values"]]
        result = PromptLogits(str(entry["prompt"]), values)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path}, prompt {number}: expected 'prompt' and 'values' with 'next_token' and "
            f"'logits' each ({error!r})"
        ) from error
    if not values or any(
        not isinstance(v.logits, np.ndarray) or v.logits.ndim != 1 for v in values
    ):
        raise ValueError(f"{path}, prompt {number}: every token needs logits of one dimension")
    return result
