"""How blocks join attention, feed-forward layer and norms, and whose call of a layer counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from max import nn
from max.graph import TensorValue, ops
from max.nn.cached_layer import CachedLayer, run_layer
from max.nn.kv_cache import CacheLayer, KVCacheInputsPerDevice, PagedCacheValues

X = 3.0
# No layer here reads the cache.
VALUES: PagedCacheValues = KVCacheInputsPerDevice(None, None, None, None, None)
LAYER = CacheLayer(VALUES, 1)
BATCH = nn.RaggedBatch[Any].of_rows(None)


class Plus(nn.Module):
    """Adds a number."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def __call__(self, x: TensorValue) -> TensorValue:
        return x + self.number


class Squared(CachedLayer):
    """Stands for an attention of ours."""

    def forward(self, x: TensorValue, layer: CacheLayer, batch: nn.RaggedBatch[Any]) -> TensorValue:
        return x * x


class Documented(nn.Module):
    """Stands for an attention of a package: it knows the documented call alone."""

    def __call__(
        self, layer_idx: int, x: TensorValue, kv_collection: Any, freqs_cis: Any, offsets: Any
    ) -> TensorValue:
        return x * layer_idx


class Overriding(Squared):
    """A package's subclass of a layer of ours that overrides the documented call."""

    def __call__(self, layer_idx: Any, x: TensorValue, *rest: Any) -> TensorValue:
        return super().__call__(layer_idx, x, *rest) + 100.0


def value(x: TensorValue) -> float:
    return float(x.to_numpy()[0])


def run(module: nn.Module) -> float:
    return value(run_layer(module, ops.constant(np.array([X], np.float32)), LAYER, BATCH))


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        # h = x + a(x + 1); h + m(h + 2)
        (nn.PreNormBlock(Squared(), Plus(7), Plus(1), Plus(2)), 19 + (19 + 2 + 7)),
        (nn.PreNormBlock(Squared(), Plus(7), Plus(1), Plus(2), 0.5), 11 + 0.5 * (11 + 2 + 7)),
        # h = x + (a(x) + 1); h + (m(h) + 2)
        (nn.PostNormBlock(Squared(), Plus(7), Plus(1), Plus(2)), 13 + (13 + 7 + 2)),
        # h = x + (a(x + 1) + 2); h + (m(h + 3) + 4)
        (nn.SandwichBlock(Squared(), Plus(7), (Plus(1), Plus(2), Plus(3), Plus(4))), 21 + 35),
        # x + a(x + 1) + m(x + 1), and with a norm of the mlp's own
        (nn.ParallelBlock(Squared(), Plus(7), Plus(1)), 3 + 16 + 11),
        (nn.ParallelBlock(Squared(), Plus(7), Plus(1), Plus(2)), 3 + 16 + 12),
    ],
)
def test_blocks(block: CachedLayer, expected: float) -> None:
    assert run(block) == expected
    x = ops.constant(np.array([X], np.float32))
    assert value(block(1, x, VALUES, None, None)) == expected  # type: ignore[arg-type]


def test_a_layer_of_a_package_is_called_as_documented() -> None:
    assert run(Documented()) == X * LAYER.index
    assert run(nn.ParallelBlock(Documented(), Plus(7), Plus(1))) == 3 + 4 + 11


def test_a_call_that_a_package_overrides_is_heard() -> None:
    assert run(Overriding()) == X * X + 100
    assert run(nn.ParallelBlock(Overriding(), Plus(7), Plus(1))) == 3 + 116 + 11
