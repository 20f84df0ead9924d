"""What the machine would allow: memory's rate for decoding, arithmetic's for prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from max.engine.replay import OpTime


def weight_bytes_per_step(ops: Sequence[OpTime], steps: int) -> float:
    """Bytes of the kernels that read weights, as a profile of decoding steps has them.

    A tied embedding counts once: as the head it is read as a whole, as a lookup a row of it.
    """
    return sum(op.nbytes for op in ops if op.weights) / steps


def flops_per_token(config: Any) -> float:
    """Operations of a decoder's matrices per token of a prompt: a product and a sum are two.

    The head is left out, since only a prompt's last token needs it, and so is the attention.

    Args:
        config: of a Llama-like checkpoint: grouped query attention, gated MLP.
    """
    hidden = config.hidden_size
    head_dim = getattr(config, "head_dim", None) or hidden // config.num_attention_heads
    attention = 2 * hidden * head_dim * (config.num_attention_heads + config.num_key_value_heads)
    mlp = 3 * hidden * config.intermediate_size
    return float(2 * config.num_hidden_layers * (attention + mlp))


def arithmetic_of(encoding: str) -> torch.dtype:
    """The type in which an encoding's products are computed."""
    import torch

    plain = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return plain.get(encoding, torch.int8)
