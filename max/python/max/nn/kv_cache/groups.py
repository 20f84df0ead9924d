"""What layers keep of the tokens before: entries, and for how long they are read.

group             entry                            keep
"full"            KeyValue(bfloat16, 8, 128)       All()         attention to all tokens
"window"          KeyValue(bfloat16, 8, 128)       Window(512)   attention to the last 512
"latent"          Latent(bfloat16, 576)            All()         multi-head latent attention
"recurrent"       State(float32, (16, 128))        Slot()        state space, linear attention
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from max.dtype import DType
from max.kernels.eight_bit_entries import factor_bytes, has_factors

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class KeyValue:
    """Keys and values of a token, in one layer.

    Args:
        dtype: of their elements.
        n_kv_heads: heads of each.
        head_dim: elements of a head.
    """

    dtype: DType
    n_kv_heads: int
    head_dim: int

    def page_shape(self, layers: int, page_size: int) -> list[int]:
        """A page: [keys and values, layers, tokens, heads, elements of a vector]."""
        return [2, layers, page_size, self.n_kv_heads, _stored(self.dtype, self.head_dim)]

    def arranged(self, pages: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """Pages [pages, elements] in a shape of theirs: the tokens of a head lie in sequence, as a
        kernel reads them."""
        kinds, layers, tokens, heads, elements = shape
        return pages.view(-1, kinds, layers, heads, tokens, elements).transpose(3, 4)


@dataclass(frozen=True)
class Latent:
    """The vector of which keys and values of a token are computed (DeepSeek-V2, 2024).

    Args:
        dtype: of its elements.
        width: how many: the rank of the compressed keys and values, and the turned part of a key.
    """

    dtype: DType
    width: int

    def page_shape(self, layers: int, page_size: int) -> list[int]:
        """A page: [1, layers, tokens, 1, elements], to be indexed as keys and values are."""
        return [1, layers, page_size, 1, _stored(self.dtype, self.width)]

    def arranged(self, pages: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """Pages [pages, elements] in a shape of theirs."""
        return pages.view(-1, *shape)


@dataclass(frozen=True)
class State:
    """What a layer carries from token to token, of a size that does not grow.

    Args:
        dtype: of its elements.
        shape: of one layer's state.
    """

    dtype: DType
    shape: tuple[int, ...]

    def page_shape(self, layers: int, page_size: int) -> list[int]:
        """A page: [layers, *shape], of whatever page size."""
        return [layers, *self.shape]

    def arranged(self, pages: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """Pages [pages, elements] in a shape of theirs."""
        return pages.view(-1, *shape)


Entry: TypeAlias = KeyValue | Latent | State


def _stored(dtype: DType, elements: int) -> int:
    """Elements that a vector has in the cache: with its factor, where it has one.

    Raises:
        ValueError: if the factor would not lie where one can be read.
    """
    if has_factors(dtype.to_torch()) and elements % 4:
        raise ValueError(
            f"a cache of {dtype} has vectors of a multiple of 4 elements, this model's have "
            f"{elements}: use --kv-cache-format bfloat16"
        )
    return elements + factor_bytes(dtype.to_torch())


@dataclass(frozen=True)
class All:
    """Later steps read all tokens' entries."""


@dataclass(frozen=True)
class Window:
    """Later steps read the entries of the last tokens only.

    Args:
        tokens: how many a query sees, its own included, as in a sliding window mask.
    """

    tokens: int

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError(f"a window has at least 1 token, got Window({self.tokens})")


@dataclass(frozen=True)
class Slot:
    """A step reads one state and leaves another."""


Keep: TypeAlias = All | Window | Slot


@dataclass(frozen=True)
class CacheGroup:
    """Layers that keep the same kind of entry under the same rule.

    Args:
        name: in messages.
        layers: their numbers in the model.
        entry: what they keep.
        keep: of which tokens.

    Raises:
        ValueError: if there is no layer, or one twice, or entry and rule do not go together.
    """

    name: str
    layers: tuple[int, ...]
    entry: Entry
    keep: Keep = field(default_factory=All)

    def __post_init__(self) -> None:
        if not self.layers or len(set(self.layers)) != len(self.layers):
            raise ValueError(
                f"cache group '{self.name}' needs layers, each once, got {list(self.layers)}"
            )
        if isinstance(self.entry, State) != isinstance(self.keep, Slot):
            raise ValueError(
                f"cache group '{self.name}' keeps {self.entry} by {self.keep}: a State is kept in "
                "a Slot, KeyValue and Latent are kept by All or Window"
            )

    def layer_bytes(self, page_size: int) -> int:
        """Bytes of one layer in a page."""
        return prod(self.entry.page_shape(1, page_size)) * self.entry.dtype.size_in_bytes
