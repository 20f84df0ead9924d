"""Where tensors are added: residual streams, and factors of what is added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import torch

from integration.tools.causes.cause import Cause, Trial

USUAL = (
    Cause("residual-multiplier", "what is added has a factor (residual_multiplier, scale_depth)"),
    Cause("residual-order", "another tensor is added: norm before or after, parallel branches"),
)
OF_EMBEDDINGS = (
    Cause("embedding-scale", "embeddings have a factor: embedding_multiplier, sqrt(hidden_size)"),
    Cause("token-ids", "other tokens are read: the tokenizer, a bos token"),
    Cause("positions", "positions are embedded too, or with an offset"),
    Cause("embedding-norm", "embeddings are normalized"),
)
OF_LOGITS = (
    Cause("logits-scale", "logits have a factor (logits_scaling, logit_scale), or a divisor"),
    Cause("softcap", "logits are capped (final_logit_softcapping)"),
)
_MOST_PARTS = 3


def trials(
    ours: torch.Tensor, theirs: torch.Tensor, parts: Mapping[str, torch.Tensor]
) -> Iterator[Trial]:
    """Sums of two or three of the tensors before, with factors, that PyTorch's may be.

    Args:
        ours: our tensor.
        theirs: PyTorch's.
        parts: the tensors that may have been added, by label.
    """
    usable = {name: t.double() for name, t in parts.items() if t.shape == theirs.shape}
    own = _best_sum(ours.double(), usable)
    found = _best_sum(theirs.double(), usable)
    if found is None:
        return
    result = sum((usable[name] * factor for name, factor in found.items()), start=torch.zeros(()))
    same_parts = own is not None and own.keys() == found.keys()
    name = "residual-multiplier" if same_parts else "residual-order"
    text = f"PyTorch's is {_formula(found)}" + (f"; ours is {_formula(own)}" if own else "")
    yield Trial(name, text, result)


def scale_trials(name: str, ours: torch.Tensor, theirs: torch.Tensor) -> Iterator[Trial]:
    """One factor for all elements."""
    factor = float((ours * theirs).double().sum() / ours.double().square().sum())
    yield Trial(name, f"PyTorch's tensor is {factor:.6g} times ours", ours * factor)


def embedding_trials(ours: torch.Tensor, theirs: torch.Tensor) -> Iterator[Trial]:
    """Factors and norms of embeddings."""
    yield from scale_trials("embedding-scale", ours, theirs)
    normed = ours * torch.rsqrt(ours.square().mean(-1, keepdim=True) + 1e-6)
    for trial in scale_trials("embedding-norm", normed, theirs):
        yield Trial(trial.cause, "PyTorch normalizes embeddings", trial.result)


def logits_trials(ours: torch.Tensor, theirs: torch.Tensor, head: torch.Tensor) -> Iterator[Trial]:
    """Factors and caps of logits; `head` is what the last projection gives."""
    yield Trial("softcap", "we cap or scale logits, PyTorch does not", head)
    yield from scale_trials("logits-scale", ours, theirs)
    yield from scale_trials("logits-scale", head, theirs)
    for cap in (15.0, 20.0, 30.0, 50.0, float(theirs.abs().max()) * 1.01):
        text = f"PyTorch caps logits, at about {cap:g}"
        yield Trial("softcap", text, cap * torch.tanh(head / cap))


def _best_sum(tensor: torch.Tensor, parts: Mapping[str, torch.Tensor]) -> dict[str, float] | None:
    """The fewest parts that give the tensor, with their factors; None if three do not."""
    for count in range(1, _MOST_PARTS + 1):
        for names in combinations(parts, count):
            matrix = torch.stack([parts[name].flatten() for name in names], 1)
            factors = torch.linalg.lstsq(matrix, tensor.flatten()[:, None]).solution
            if float((matrix @ factors).flatten().sub(tensor.flatten()).norm()) < 1e-3 * float(
                tensor.norm()
            ):
                return dict(zip(names, factors.flatten().tolist(), strict=True))
    return None


def _formula(factors: Mapping[str, float]) -> str:
    return " + ".join(f"{factor:.4g} * {name}" for name, factor in factors.items())
