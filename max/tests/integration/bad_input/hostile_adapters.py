"""Ways to make an adapter's folder hostile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from integration.bad_input.hostile_files import (
    Spoil,
    change_tensors,
    no_files,
    no_objects,
    safetensors,
    set_fields,
    wrong_fields,
)

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_FIELDS = """
    peft_type r lora_alpha rank_pattern alpha_pattern use_rslora use_dora bias target_parameters
    target_modules modules_to_save init_lora_weights lora_bias layers_to_transform unheard_of
""".split()  # noqa: SIM905
_PATTERNS = ("(a+)+$", "(.*)*$", "(", "(" * 3000, "x" * 100_000, r"(?<a>x|\g<a>\g<a>)\g<a>", "\0")
_NAMES = ("", "w", "base_model.model.", "base_model.model.x.lora_A.weight", "a." * 50_000, "\0")


def hostile_adapters() -> Iterator[tuple[str, Spoil]]:
    """All of them."""
    yield from wrong_fields(CONFIG, _FIELDS)
    yield from no_objects(CONFIG)
    for file in (CONFIG, WEIGHTS):
        yield from no_files(file)
    yield from safetensors(WEIGHTS)
    for pattern in _PATTERNS:
        for field in ("rank_pattern", "alpha_pattern"):
            yield (
                f"{field}-{pattern[:20]!r}",
                partial(set_fields, CONFIG, {field: {pattern: 8}}),
            )
    many = {f"{number}.q": 8 for number in range(20_000)}
    yield "many-patterns", partial(set_fields, CONFIG, {"rank_pattern": many})
    for name in _NAMES:
        yield f"tensor-{name[:40]!r}", partial(change_tensors, WEIGHTS, partial(_rename, name))
    yield "large", partial(_lengthen, 1 << 36)
    yield "pickle", _as_pickle


def _rename(name: str, tensors: dict[str, Any]) -> None:
    first = next(iter(tensors))
    tensors[name] = tensors.pop(first)


def _lengthen(size: int, folder: Path) -> None:
    """A tensor that is a hole in the file."""

    def change(tensors: dict[str, Any]) -> None:
        start = max(end for tensor in tensors.values() for end in tensor["data_offsets"])
        tensors["base_model.model.x.lora_A.weight"] = {
            "dtype": "F32",
            "shape": [size // 4],
            "data_offsets": [start, start + size],
        }

    change_tensors(WEIGHTS, change, folder)
    os.truncate(folder / WEIGHTS, (folder / WEIGHTS).stat().st_size + size)


def _as_pickle(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "adapter_model.bin")
