"""Normalizations."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from integration.tools.causes.cause import Cause, Trial

USUAL = (
    Cause("norm-offset", "the weight is stored less one (Gemma): weight_offset=1, or it is not"),
    Cause("eps", "another epsilon: rms_norm_eps, layer_norm_eps, or a fixed one"),
    Cause("norm-kind", "RMSNorm instead of LayerNorm, or the other way round"),
    Cause("missing-bias", "the norm has a bias in PyTorch"),
    Cause("weight-name", "another norm's weight was loaded here"),
)


def trials(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    theirs: torch.Tensor,
    eps: float,
    offset: float,
) -> Iterator[Trial]:
    """What is tried on a norm.

    Args:
        x: what it was given, [rows, n].
        weight: ours, [size], where n is a multiple of size (norms over heads); None for none.
        theirs: what PyTorch gives, [rows, n].
        eps: ours.
        offset: what we add to the weight.
    """
    size = x.shape[1] if weight is None else len(weight)
    x, y = (t.double().reshape(-1, size) for t in (x, theirs))
    w = torch.ones(size).double() if weight is None else weight.double()

    def trial(cause: str, text: str, normed: torch.Tensor, scale: torch.Tensor) -> Trial:
        return Trial(cause, text, (normed * scale).reshape(theirs.shape))

    plain = _rms(x, eps)
    centered = x - x.mean(-1, keepdim=True)
    for other, text in ((0.0, "the weight"), (1.0, "1 + weight"), (-1.0, "our weight less one")):
        if other != offset:
            yield trial("norm-offset", f"PyTorch multiplies by {text}", plain, w + other)
    w = w + offset
    yield trial("norm-weight", "PyTorch's norm has no weight", plain, torch.ones_like(w))
    for name, values in (("RMSNorm", x), ("LayerNorm", centered)):
        text = f"PyTorch computes a {name}"
        yield trial("norm-kind", text, _rms(values, eps), w)
    for found in _fitting_eps(x, y, w):
        if abs(found - eps) < eps / 10:
            continue
        text = f"PyTorch's epsilon is about {found:.3g}, ours is {eps:g}"
        yield trial("eps", text, _rms(x, found), w)
        yield trial("eps", text, _rms(centered, found), w)
    for name, values in (("RMSNorm", x), ("LayerNorm", centered)):
        normed = _rms(values, eps)
        constant = (y - normed * w).mean(0)
        yield Trial(
            "missing-bias",
            f"PyTorch computes a {name} with a bias",
            (normed * w + constant).reshape(theirs.shape),
        )
        fitted = (normed * y).sum(0) / (normed * normed).sum(0)
        yield trial("weight-name", f"PyTorch's {name} has other weights", normed, fitted)


def _rms(x: torch.Tensor, eps: float) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def _fitting_eps(x: torch.Tensor, y: torch.Tensor, w: torch.Tensor) -> Iterator[float]:
    """The epsilons by which PyTorch's rows would have their lengths."""
    for values in (x, x - x.mean(-1, keepdim=True)):
        numerator = (values * w).square().sum(-1)
        eps = float((numerator / y.square().sum(-1) - values.square().mean(-1)).median())
        if eps > 0:
            yield _rounded(eps)
            yield eps


def _rounded(eps: float) -> float:
    """The nearest power of ten, which epsilons usually are."""
    return float(f"1e{round(torch.tensor(eps).log10().item())}")
