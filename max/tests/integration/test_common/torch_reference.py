"""The reference: the same checkpoint, run by transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Logits = npt.NDArray[np.float32]


class TorchReference:
    """A checkpoint's model as transformers has it.

    Args:
        folder: the checkpoint.
        encoding: dtype that the weights are converted to, "float32" or "bfloat16".
        device: torch's name of the device.
        trust_remote_code: whether model code in the folder may be run.
    """

    def __init__(
        self,
        folder: Path,
        encoding: str,
        device: str = "cpu",
        trust_remote_code: bool = False,
    ) -> None:
        self.device = device
        self.model = _load(folder, encoding, trust_remote_code)
        self.model.to(device).eval()

    def logits(self, tokens: Sequence[int]) -> Logits:
        """The logits after each token, float32 [tokens, vocab]."""
        with torch.inference_mode():
            ids = torch.tensor([list(tokens)], device=self.device)
            output: torch.Tensor = self.model(ids, use_cache=False).logits[0]
        return output.float().cpu().numpy()

    def greedy(self, prompt: Sequence[int], steps: int) -> list[int]:
        """The most likely continuation, one token per step, end tokens or not."""
        return [int(row.argmax()) for row in self.steps(prompt, steps)]

    def steps(
        self, prompt: Sequence[int], steps: int, forced: Sequence[int] | None = None
    ) -> list[Logits]:
        """The logits of each greedy step, each float32 [vocab].

        Args:
            prompt: token ids.
            steps: how many.
            forced: tokens to continue with instead of the most likely ones.
        """
        found: list[Logits] = []
        ids = torch.tensor([list(prompt)], device=self.device)
        cache = None
        for step in range(steps):
            with torch.inference_mode():
                output = self.model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = output.past_key_values
            row: Logits = output.logits[0, -1].float().cpu().numpy()
            found.append(row)
            token = int(row.argmax()) if forced is None else forced[step]
            ids = torch.tensor([[token]], device=self.device)
        return found


def _load(folder: Path, encoding: str, trust_remote_code: bool) -> Any:
    from transformers import AutoModelForCausalLM

    # The eager attention is transformers' own definition; the others are variants of it.
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=getattr(torch, encoding),
        attn_implementation="eager",
        trust_remote_code=trust_remote_code,
    )
