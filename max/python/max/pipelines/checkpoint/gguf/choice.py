"""GGUF files: which belong together, what they are encoded in, and which one is meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import cast

from max.graph.quantization import QuantizationEncoding, encoding_of_file_type
from max.graph.weights.headers.errors import WeightsFileError
from max.graph.weights.headers.gguf import GGUFHeader, read_gguf_header
from max.graph.weights.headers.gguf_types import tensor_info
from max.pipelines.modeling.config_enums import (
    SupportedEncoding,
    can_cast_encoding,
    is_block_encoding,
)
from max.pipelines.modeling.errors import ConfigurationError, ModelSourceError

_PART = re.compile(r"(?P<name>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.gguf)", re.I)
# Files beside a model that are none: a vision encoder, and what quantization was guided by.
_NO_MODEL = re.compile(r"mmproj|imatrix", re.IGNORECASE)


def files_in(folder: Path) -> list[str]:
    """The files of a folder and of those in it, relative to it: models may have one each."""
    found = (path for pattern in ("*", "*/*") for path in folder.glob(pattern))
    return [path.relative_to(folder).as_posix() for path in found if path.is_file()]


def is_companion(name: str) -> bool:
    """Whether a file is another system's note about one (`._model.gguf` of macOS), or hidden."""
    return name.rpartition("/")[2].startswith(".")


def group_parts(names: Iterable[str]) -> dict[str, list[str]]:
    """GGUF models among file names: the first file of each, with all its files.

    Args:
        names: relative to the model's folder.

    Returns:
        Sorted, those in subfolders last.
    """
    models: dict[str, list[str]] = {}
    first_of: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (name.count("/"), name)):
        is_named_so = name.lower().endswith(".gguf") and not is_companion(name)
        if not is_named_so or _NO_MODEL.search(name):
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
    names = (f"{part['name']}-{i:05}-of-{count}{part['suffix']}" for i in _numbers(count))
    parts = [path.with_name(name) for name in names]
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
    """The one of several models that is meant: the first of an encoding, or the usual choice.

    That is q4_k, as llama.cpp's is; else the first one of four bits or more.

    Args:
        encodings: of each model, by its name; None for one that is not known.
        requested: `--quantization-encoding`.
        model_path: where they are, for messages.

    Raises:
        ConfigurationError: if there is none of that encoding, nor one that it can be made of.
    """
    known = {name: encoding for name, encoding in encodings.items() if encoding is not None}
    if requested is None:
        usual = [name for name, encoding in known.items() if encoding == "q4_k"]
        large = [name for name, encoding in known.items() if _has_four_bits(encoding)]
        return next(iter(usual or large or known or encodings))
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


def _has_four_bits(encoding: SupportedEncoding) -> bool:
    """Whether a weight has that many, or more."""
    if not is_block_encoding(encoding):
        return True
    elements, size = QuantizationEncoding(encoding).block_parameters
    return 8 * size >= 4 * elements


def read_header(path: Path) -> GGUFHeader:
    """The header of a GGUF model: metadata of its first file, the tensors of all its parts.

    Args:
        path: the first file.

    Raises:
        ModelSourceError: if a part is missing or cannot be read.
    """
    try:
        first, *others = (read_gguf_header(part) for part in parts_of(path))
    except WeightsFileError as error:
        raise ModelSourceError(str(error)) from error
    tensors = {**first.tensors}
    for header in others:
        tensors |= header.tensors
    return first._replace(tensors=tensors)


def encoding_of(path: Path) -> SupportedEncoding:
    """The encoding of a model's matrices: that of most elements, of those that are encoded at all.

    What the file says of itself (`general.file_type`) is a label: it names a mixture of encoded
    tensors, whose largest often has another encoding, and it says nothing of plain ones.

    Raises:
        ModelSourceError: if the file cannot be read, or a tensor's type is not supported.
    """
    header = read_header(path)
    encoded: Counter[SupportedEncoding] = Counter()
    plain: Counter[str] = Counter()
    for name, tensor in header.tensors.items():
        try:
            info = tensor_info(name, tensor, path)
        except WeightsFileError as error:
            raise ModelSourceError(str(error)) from error
        if len(tensor.shape) > 1:
            if (encoding := info.quantization_encoding) is not None:
                encoded[encoding.value] += prod(tensor.shape)
            else:
                plain[info.dtype.value] += prod(tensor.shape)
    told = encoding_of_file_type(header.metadata.get("general.file_type"))
    if told is not None and encoded:
        return told.value
    if not (encoded or plain):
        raise ModelSourceError(f"{path} has no matrices: is it a model?")
    return cast("SupportedEncoding", (encoded or plain).most_common(1)[0][0])


def encoding_if_known(path: Path) -> SupportedEncoding | None:
    """`encoding_of`, or None where it raises: for looking through files that are not used."""
    try:
        return encoding_of(path)
    except ModelSourceError:
        return None
