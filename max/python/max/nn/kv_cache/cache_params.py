"""Sizes of the paged KV cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Self

from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache.groups import All, CacheGroup, Entry, KeyValue, Latent, Window
from max.nn.kv_cache.param_interface import KVCacheParamInterface


@dataclass(frozen=True)
class KVCacheParams(KVCacheParamInterface):
    """Sizes of a cache of keys and values in pages, all layers alike.

    Args:
        dtype: of keys and values.
        n_kv_heads: heads of keys and values.
        head_dim: elements of a head.
        num_layers: layers that have keys and values.
        devices: where the cache lives; one device in this release.
        enable_prefix_caching: whether full pages may be shared between requests.
        page_size: tokens of a page.
        data_parallel_degree: 1 in this release.
        window: how many tokens a query of these layers sees, its own included; None for all.
        is_mla: whether a token has one entry of `head_dim` elements, of which keys and values are
            made (multi-head latent attention), instead of keys and values.

    Raises:
        ValueError: if a size is below 1.
        NotImplementedError: for more than one device.
    """

    dtype: DType
    n_kv_heads: int
    head_dim: int
    num_layers: int
    devices: Sequence[DeviceRef]
    enable_prefix_caching: bool = False
    page_size: int = 128
    data_parallel_degree: int = 1
    window: int | None = None
    is_mla: bool = False

    def __post_init__(self) -> None:
        wrong = [
            f"{name}={getattr(self, name)}"
            for name in ("n_kv_heads", "head_dim", "num_layers", "page_size")
            if getattr(self, name) < 1
        ]
        if wrong:
            raise ValueError(
                f"the KV cache's sizes must be at least 1, got {', '.join(wrong)}; heads and "
                "layers are the model's config.json's, the page size --kv-cache-page-size"
            )
        self.check_devices(self.data_parallel_degree)

    @property
    def n_kv_heads_per_device(self) -> int:
        """KV heads that one device holds."""
        return self.n_kv_heads

    @property
    def shape_per_block(self) -> list[int]:
        """One page: [keys and values, layers, tokens, heads, head_dim]."""
        return list(self.layout.tables[0].shape)

    @property
    def groups(self) -> tuple[CacheGroup, ...]:
        """One: layers 0, 1, ..."""
        keep = All() if self.window is None else Window(self.window)
        entry: Entry = KeyValue(self.dtype, self.n_kv_heads, self.head_dim)
        if self.is_mla:
            entry = Latent(self.dtype, self.head_dim)
        return (CacheGroup("cache", tuple(range(self.num_layers)), entry, keep),)

    def with_windows(self, windows: Sequence[int | None]) -> KVCacheParamInterface:
        """The cache of a model some of whose layers see a window.

        Args:
            windows: of each layer, how many tokens a query sees, its own included; None for all.

        Raises:
            ValueError: if these are not `num_layers`.
        """
        if len(windows) != self.num_layers:
            raise ValueError(f"num_layers={self.num_layers}, but {len(windows)} windows")
        layers = {
            window: [layer for layer, of in enumerate(windows) if of == window]
            for window in windows
        }
        if len(layers) == 1:
            return replace(self, window=windows[0])
        names = {window: "full" if window is None else f"window {window}" for window in layers}
        return MultiKVCacheParams.from_params(
            {
                names[window]: replace(self, num_layers=len(of), window=window)
                for window, of in layers.items()
            },
            {names[window]: of for window, of in layers.items()},
        )


# Documented by its longer name, beside that of the latent cache.
MHAKVCacheParams = KVCacheParams


@dataclass(frozen=True)
class MLAKVCacheParams(KVCacheParams):
    """`KVCacheParams` of multi-head latent attention: one entry of `head_dim` elements."""

    n_kv_heads: int = field(default=1, kw_only=True)
    is_mla: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class MultiKVCacheParams(KVCacheParamInterface):
    """Sizes of a cache of several groups of layers, which share one pool of pages.

    Args:
        layer_groups: which layers keep what, and for how long.
        devices: where the cache lives; one device in this release.
        enable_prefix_caching: whether full pages may be shared between requests.
        page_size: tokens of a page.

    Raises:
        ValueError: if there is no group, or a layer is in two of them.
        NotImplementedError: for more than one device.
    """

    layer_groups: tuple[CacheGroup, ...]
    devices: Sequence[DeviceRef]
    enable_prefix_caching: bool = False
    page_size: int = 128

    def __post_init__(self) -> None:
        self.check_devices()
        layers = [layer for group in self.groups for layer in group.layers]
        if not layers or len(set(layers)) != len(layers):
            raise ValueError(
                "cache groups must have layers, each in one group, got "
                f"{ {group.name: list(group.layers) for group in self.groups} }"
            )

    @property
    def groups(self) -> tuple[CacheGroup, ...]:
        """`layer_groups`."""
        return self.layer_groups

    @classmethod
    def from_params(
        cls,
        params: Mapping[str, KVCacheParams],
        layers: Mapping[str, Sequence[int]] | None = None,
    ) -> Self:
        """Of parameters of each group.

        Args:
            params: by the group's name.
            layers: of each group, its layers' numbers in the model; unless given, those of the
                first group come first, then those of the second, ...

        Raises:
            ValueError: if a group's layers are not `num_layers`, or what all share differs.
        """
        if layers is None:
            ends = accumulate(of.num_layers for of in params.values())
            layers = {
                name: range(end - of.num_layers, end)
                for (name, of), end in zip(params.items(), ends, strict=True)
            }
        first = next(iter(params.values()))
        groups = []
        for name, of in params.items():
            if of.num_layers != len(layers[name]):
                raise ValueError(
                    f"cache group '{name}' has num_layers={of.num_layers}, but layers "
                    f"{list(layers[name])}"
                )
            if (of.page_size, of.devices, of.enable_prefix_caching) != (
                first.page_size,
                first.devices,
                first.enable_prefix_caching,
            ):
                raise ValueError(
                    f"cache group '{name}' differs from '{next(iter(params))}' in page_size, "
                    f"devices or enable_prefix_caching: {of} and {first}"
                )
            groups.append(replace(of.groups[0], name=name, layers=tuple(layers[name])))
        return cls(tuple(groups), first.devices, first.enable_prefix_caching, first.page_size)
