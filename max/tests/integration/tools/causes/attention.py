"""Attention, from queries, keys and values to what the output projection is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from integration.tools.causes.cause import Cause, Trial
from max.nn import Attention, Rope

USUAL = (
    Cause("rope-layout", "pairs of the other layout: elements i and i + d/2, or 2i and 2i + 1"),
    Cause("rope-angles", "another rope_theta, rope scaling, or share of the head that is turned"),
    Cause("attention-scale", "another factor of the scores than 1 / sqrt(head_dim)"),
    Cause("mask", "another window, or none; full and windowed layers in another order"),
    Cause("softcap", "scores are capped (attn_logit_softcapping), or should not be"),
    Cause("head-grouping", "another number of KV heads, or query heads in another order"),
    Cause("distance-bias", "scores have a bias for each distance (relative_attention_bias)"),
    Cause("qk-norm", "queries and keys are normalized or clipped before they are turned"),
)


@dataclass(frozen=True)
class Form:
    """How a layer attends.

    Attributes:
        heads: query heads.
        head_dim: elements of a head.
        scale: factor of the scores.
        frequencies: angle per position of each pair; None where nothing is turned.
        magnitude: factor of cosines and sines.
        interleaved: layout of the pairs.
        causal: whether a query sees only what is before it.
        window: positions that a query sees; 0 for all.
        softcap: cap of the scores; 0 for none.
        bias: of each head and distance, see `Mask`; None for none.
        is_tiled: whether query head h reads KV head `h % kv_heads`, not `h // group`.
    """

    heads: int
    head_dim: int
    scale: float
    frequencies: torch.Tensor | None
    magnitude: float = 1.0
    interleaved: bool = False
    causal: bool = True
    window: int = 0
    softcap: float = 0.0
    bias: torch.Tensor | None = None
    is_tiled: bool = False

    @classmethod
    def of(cls, layer: Attention, rope: Rope | None, bias: torch.Tensor | None = None) -> Form:
        """How a layer of ours attends, by its own angles or those handed to it."""
        turned = layer.rope or rope
        return cls(
            layer.n_heads,
            layer.head_dim,
            layer.scale,
            None if turned is None else turned.inverse_frequencies(),
            1.0 if turned is None else turned.scaling.magnitude(),
            turned is not None and turned.interleaved,
            layer.mask.causal,
            layer.mask.window,
            layer.mask.softcap,
            bias,
        )

    def attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """[rows, heads * head_dim] of queries [rows, heads * head_dim], keys and values of one
        request."""
        q, k, v = (t.double().view(len(t), -1, self.head_dim).transpose(0, 1) for t in (q, k, v))
        q, k = self._turn(q), self._turn(k)
        group = len(q) // len(k)
        k, v = (
            t.repeat(group, 1, 1) if self.is_tiled else t.repeat_interleave(group, 0)
            for t in (k, v)
        )
        scores = q @ k.transpose(1, 2) * self.scale
        if self.softcap:
            scores = self.softcap * torch.tanh(scores / self.softcap)
        if self.bias is not None:
            span = self.bias.shape[1] // 2
            ahead = -_back(q.shape[1]).clamp(-span, span)
            scores = scores + self.bias.double()[:, ahead + span]
        scores = scores.masked_fill(~self._sees(q.shape[1]), -torch.inf)
        return (scores.softmax(-1) @ v).transpose(0, 1).flatten(1)

    def _turn(self, x: torch.Tensor) -> torch.Tensor:
        if self.frequencies is None:
            return x
        turned = 2 * len(self.frequencies)
        angles = torch.outer(torch.arange(x.shape[1]).double(), self.frequencies.double())
        cos, sin = angles.cos() * self.magnitude, angles.sin() * self.magnitude
        part, rest = x[..., :turned], x[..., turned:]
        if self.interleaved:
            a, b = part[..., ::2], part[..., 1::2]
            out = torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)
        else:
            a, b = part.chunk(2, -1)
            out = torch.cat((a * cos - b * sin, a * sin + b * cos), -1)
        return torch.cat((out, rest), -1)

    def _sees(self, rows: int) -> torch.Tensor:
        back = _back(rows)
        sees = back >= 0 if self.causal else torch.ones_like(back, dtype=torch.bool)
        return sees & (back.abs() < self.window) if self.window else sees


def _back(rows: int) -> torch.Tensor:
    """How many positions each row is behind each other one: [rows, rows]."""
    return torch.arange(rows)[:, None] - torch.arange(rows)[None]


QKV = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def trials(
    form: Form,
    qkv: QKV,
    hf_config: Mapping[str, Any],
    torch_module: Any,
    torch_frequencies: list[torch.Tensor],
    torch_normed: Sequence[torch.Tensor],
) -> Iterator[Trial]:
    """What is tried on an attention.

    Args:
        form: ours.
        qkv: what it was given.
        hf_config: config.json, which names the numbers that PyTorch may use.
        torch_module: PyTorch's attention.
        torch_frequencies: PyTorch's angles per position.
        torch_normed: what norms in PyTorch's attention give, queries first; may be empty.
    """
    q, k, v = qkv
    if len(torch_normed) == 2:
        text = "PyTorch attends with queries and keys that it has normalized otherwise"
        yield Trial("qk-norm", text, form.attend(torch_normed[0], torch_normed[1], v))
    for name, text, changed in _changes(form, hf_config, torch_module, torch_frequencies):
        yield Trial(name, text, changed.attend(*qkv))
    unit = [_unit(t, form.head_dim) for t in (q, k)]
    yield Trial("qk-norm", "PyTorch normalizes queries and keys", form.attend(unit[0], unit[1], v))
    limit = hf_config.get("clip_qkv")
    if limit:
        q_, k_, v_ = (t.clamp(-limit, limit) for t in qkv)
        yield Trial("qk-norm", "PyTorch clips them (clip_qkv)", form.attend(q_, k_, v_))
    if k.shape == v.shape:
        yield Trial("split", "keys and values are in the other order", form.attend(q, v, k))


def trials_of_code(
    form: Form,
    qkv: QKV,
    ours: torch.Tensor,
    theirs: torch.Tensor,
    torch_frequencies: list[torch.Tensor],
) -> Iterator[Trial]:
    """What the code of a layer does that is given the right settings: how ours comes about."""
    own = [f for f in torch_frequencies if not _same(f, form.frequencies)]
    for name, text, changed in _changes(form, {}, None, own):
        left = ours.double() - changed.attend(*qkv)
        text = text.replace("PyTorch", "our layer, against its settings,")
        yield Trial(name, text, theirs.double() + left)


def _same(a: torch.Tensor, b: torch.Tensor | None) -> bool:
    return b is not None and a.shape == b.shape and torch.allclose(a, b, rtol=1e-5)


def _changes(
    form: Form, hf_config: Mapping[str, Any], torch_module: Any, frequencies: list[torch.Tensor]
) -> Iterator[tuple[str, str, Form]]:
    if form.frequencies is not None:
        layout = "i and i + d/2" if form.interleaved else "2i and 2i + 1"
        text = f"PyTorch turns elements {layout} of a head together (rope interleaved)"
        other = replace(form, interleaved=not form.interleaved)
        yield "rope-layout", text, other
        yield "no-rope", "PyTorch does not turn this layer (NoPE)", replace(form, frequencies=None)
    for theirs in frequencies:
        if _same(theirs, form.frequencies):
            continue
        text = (
            f"PyTorch's angles are others: {2 * len(theirs)} of {form.head_dim} elements are "
            f"turned, the slowest by {float(theirs[-1]):.4g} a position (rope_theta, rope scaling, "
            "partial_rotary_factor)"
        )
        yield "rope-angles", text, replace(form, frequencies=theirs)
        yield "rope-angles", text, replace(form, frequencies=theirs, interleaved=True)
        magnitude = float(getattr(torch_module, "attention_scaling", 1.0) or 1.0)
        yield "rope-angles", text, replace(form, frequencies=theirs, magnitude=magnitude)
    for scale in _scales(form, hf_config, torch_module):
        text = f"PyTorch's factor of the scores is {scale:.6g}, ours is {form.scale:.6g}"
        yield "attention-scale", text, replace(form, scale=scale)
    for window in _numbers(hf_config, "window", "chunk") | {0}:
        for size in {window - 1, window, window + 1} if window else {0}:
            if size != form.window and size >= 0:
                text = f"PyTorch's window is {size or 'none'}, ours is {form.window or 'none'}"
                yield "mask", text, replace(form, window=size)
    yield "mask", "PyTorch sees later tokens too", replace(form, causal=not form.causal)
    for cap in _numbers(hf_config, "softcap") | {0}:
        if cap != form.softcap:
            text = f"PyTorch caps scores at {cap or 'nothing'}, we at {form.softcap or 'nothing'}"
            yield "softcap", text, replace(form, softcap=float(cap))
    if form.bias is not None:
        text = "PyTorch's scores have no bias of distances"
        yield "distance-bias", text, replace(form, bias=None)
        text = "PyTorch's biases of distances are those of the other direction"
        yield "distance-bias", text, replace(form, bias=form.bias.flip(1))
    text = "PyTorch's query heads read KV heads in turn (h % kv_heads), not in groups"
    yield "head-grouping", text, replace(form, is_tiled=True)


def _scales(form: Form, hf_config: Mapping[str, Any], torch_module: Any) -> set[float]:
    """Factors that PyTorch may use."""
    own = getattr(torch_module, "scaling", None)
    found = {float(own)} if isinstance(own, (int, float)) else set()
    found |= _numbers(hf_config, "multiplier")
    found |= {n**-0.5 for n in _numbers(hf_config, "scalar", "hidden_size")}
    return (found | {form.head_dim**-0.5, 1.0, 1 / form.head_dim}) - {form.scale}


def _numbers(hf_config: Mapping[str, Any], *words: str) -> set[Any]:
    """The positive numbers of config.json whose names have one of these words."""
    return {
        value
        for name, value in hf_config.items()
        if any(word in name for word in words)
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
        and value > 0
    }


def _unit(x: torch.Tensor, head_dim: int) -> torch.Tensor:
    heads = x.double().view(len(x), -1, head_dim)
    return (heads * torch.rsqrt(heads.square().mean(-1, keepdim=True) + 1e-6)).flatten(1)
