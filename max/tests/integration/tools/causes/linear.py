"""Linear layers: the weight, its rows, its bias."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from integration.tools.causes.cause import Cause, Trial

USUAL = (
    Cause("weight-name", "another weight was loaded here: look at the weight adapter's names"),
    Cause("transposed-weight", "the weight is transposed: checkpoints of GPT-2's Conv1D have it"),
    Cause("split", "a stacked weight (qkv, gate_up) is split at other rows or in another order"),
    Cause("missing-bias", "the bias is missing, or there is one that PyTorch has not"),
    Cause("rope-layout", "rows of queries and keys are permuted for the other rope layout (GGUF)"),
)
OF_HEAD = (
    Cause("tied-embeddings", "the head is the embedding (tie_word_embeddings), or should not be"),
    Cause("logits-scale", "logits are scaled: logits_scaling, logit_scale"),
    *USUAL[:4],
)


def trials(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    theirs: torch.Tensor,
    others: Mapping[str, torch.Tensor],
    head_dim: int | None,
) -> Iterator[Trial]:
    """What is tried on a linear layer.

    Args:
        x: what it was given, [rows, in].
        weight: ours, [out, in].
        bias: ours, [out].
        theirs: what PyTorch gives, [rows, out].
        others: other weights of the model, by layer: one of them may be the right one.
        head_dim: elements of a head; None for a layer that is none of attention's.
    """
    product = x @ weight.T
    own = product if bias is None else product + bias
    if weight.shape[0] == weight.shape[1]:
        flipped = x @ weight
        yield Trial("transposed-weight", USUAL[1].text, flipped if bias is None else flipped + bias)
    constant = (theirs - product).mean(0)
    if bias is None or not bias.any():
        text = "PyTorch adds a bias here, we do not (attention_bias, mlp_bias)"
        yield Trial("missing-bias", text, product + constant)
    else:
        yield Trial("missing-bias", "we add a bias that PyTorch has not", product)
        yield Trial("wrong-bias", "PyTorch's bias has other values", product + constant)
    if len(x) > 1:
        yield from _scaled(own, theirs)
    embedding = others.get("embed_tokens")
    if embedding is not None and torch.equal(embedding, weight):
        text = "our head is the embedding, PyTorch's has another weight"
        yield Trial("tied-embeddings", text, theirs)
    for name, other in others.items():
        if other.shape == weight.shape:
            result = x @ other.T if bias is None else x @ other.T + bias
            is_tied = "embed" in name
            text = f"PyTorch computes this with what we have loaded as '{name}'"
            yield Trial("tied-embeddings" if is_tied else "weight-name", text, result)
    if head_dim:
        yield from _permuted(own, head_dim)
    yield from _reordered(own, theirs)


def _scaled(own: torch.Tensor, theirs: torch.Tensor) -> Iterator[Trial]:
    factor = float((own * theirs).sum() / (own * own).sum())
    yield Trial("scale", f"PyTorch's tensor is {factor:.6g} times ours", own * factor)


def _permuted(own: torch.Tensor, head_dim: int) -> Iterator[Trial]:
    """Rows of heads in the order of the other layout of rotary pairs."""
    if own.shape[1] % head_dim:
        return
    heads = own.view(len(own), -1, head_dim)
    halves = heads.unflatten(-1, (2, head_dim // 2)).transpose(-1, -2).reshape(own.shape)
    pairs = heads.unflatten(-1, (head_dim // 2, 2)).transpose(-1, -2).reshape(own.shape)
    yield Trial("rope-layout", USUAL[4].text, halves)
    yield Trial("rope-layout", USUAL[4].text, pairs)


def _reordered(own: torch.Tensor, theirs: torch.Tensor) -> Iterator[Trial]:
    """Rows of the weight in any other order."""
    ours_by, theirs_by = own[-1].argsort(), theirs[-1].argsort()
    result = torch.empty_like(own)
    result[:, theirs_by] = own[:, ours_by]
    yield Trial("split", "the weight has PyTorch's rows in another order", result)
