"""GGUF files: which belong together, what they are encoded in, and which one is meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, cast

from max.graph.quantization import encoding_of_file_type
from max.pipelines.modeling.config_enums import SupportedEncoding, can_cast_encoding
from max.pipelines.modeling.errors import ConfigurationError, ModelSourceError

if TYPE_CHECKING:
    from max.graph.weights import GGUFHeader

_PART = re.compile(r"(?P<name>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
# Files beside a model that are none: a vision encoder, and what quantization was guided by.
_NO_MODEL = re.compile(r"mmproj|imatrix", re.IGNORECASE)
# `general.file_type` of a file without encoded tensors.
_ALL_FLOAT32 = 0


def group_parts(names: Iterable[str]) -> dict[str, list[str]]:
    """GGUF models among file names, sorted: the first file of each, with all its files."""
    models: dict[str, list[str]] = {}
    first_of: dict[str, str] = {}
    for name in sorted(names):
        if not name.endswith(".gguf") or _NO_MODEL.search(name):
            continue
        part = _PART.fullmatch(name)
        key = f"{part['name']}-{part['count']}" if part else name
        models.setdefault(first_of.setdefault(key, name), []).append(name)
    return models


def parts_of(path: Path) -> list[Path]:
    """All files of the model that one file belongs to.

    Raises:
        ModelSourceError: if one of them is missing.
    """
    part = _PART.fullmatch(path.name)
    if part is None:
        return [path]
    count = part["count"]
    parts = [path.with_name(f"{part['name']}-{i:05}-of-{count}.gguf") for i in _numbers(count)]
    missing = [p.name for p in parts if not p.is_file()]
    if missing:
        raise ModelSourceError(
            f"{path} is one of {int(count)} parts, but {len(missing)} are missing: "
            f"{', '.join(missing)}; is the copy or download complete?"
        )
    return parts


def _numbers(count: str) -> range:
    return range(1, int(count) + 1)


def choose_model(
    encodings: Mapping[str, SupportedEncoding | None],
    requested: SupportedEncoding | None,
    model_path: str,
) -> str:
    """The one of several models that is meant: the first, or the first of an encoding.

    Args:
        encodings: of each model, by its name; None for one that is not known.
        requested: `--quantization-encoding`.
        model_path: where they are, for messages.

    Raises:
        ConfigurationError: if there is none of that encoding, nor one that it can be made of.
    """
    known = {name: encoding for name, encoding in encodings.items() if encoding is not None}
    if requested is None:
        return next(iter(known or encodings))
    exact = [name for name, encoding in known.items() if encoding == requested]
    castable = [name for name, encoding in known.items() if can_cast_encoding(encoding, requested)]
    if exact or castable:
        return (exact or castable)[0]
    found = ", ".join(f"{name} ({encoding or 'unknown'})" for name, encoding in encodings.items())
    raise ConfigurationError(
        f"compatible weights cannot be found for '{requested}', in the provided repo: "
        f"'{model_path}'. It has {found}; --quantization-encoding takes the encoding of one of "
        "these, and without it the first is used."
    )


def read_header(path: Path) -> GGUFHeader:
    """The header of a GGUF file.

    Raises:
        ModelSourceError: if it cannot be read.
    """
    from max.graph.weights import WeightsFileError, read_gguf_header

    try:
        return read_gguf_header(path)
    except WeightsFileError as error:
        raise ModelSourceError(str(error)) from error


def encoding_of(path: Path) -> SupportedEncoding:
    """The encoding of a file's matrices: what it says itself, else that of most elements.

    Raises:
        ModelSourceError: if the file cannot be read, or a tensor's type is not supported.
    """
    from max.graph.weights import WeightsFileError
    from max.graph.weights.gguf_files import tensor_info

    header = read_header(path)
    elements: Counter[str] = Counter()
    for name, tensor in header.tensors.items():
        try:
            info = tensor_info(name, tensor, path)
        except WeightsFileError as error:
            raise ModelSourceError(str(error)) from error
        if len(tensor.shape) > 1:
            encoding = info.quantization_encoding
            elements[encoding.value if encoding else info.dtype.value] += prod(tensor.shape)
    told = header.metadata.get("general.file_type")
    if told == _ALL_FLOAT32:
        return "float32"
    if (found := encoding_of_file_type(told)) is not None:
        return found.value
    if not elements:
        raise ModelSourceError(f"{path} has no matrices: is it a model?")
    return cast("SupportedEncoding", elements.most_common(1)[0][0])


def encoding_if_known(path: Path) -> SupportedEncoding | None:
    """`encoding_of`, or None where it raises: for looking through files that are not used."""
    try:
        return encoding_of(path)
    except ModelSourceError:
        return None
