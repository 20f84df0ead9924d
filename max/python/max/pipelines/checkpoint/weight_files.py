"""A checkpoint's weight files: which there are, what their headers say. Reads no tensor data."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from max.graph.weights.format import is_gguf
from max.graph.weights.headers.errors import WeightsFileError
from max.graph.weights.headers.safetensors import SafetensorsTensor, read_safetensors_header
from max.pipelines.checkpoint.contained import is_plain_name
from max.pipelines.checkpoint.gguf.choice import (
    choose_model,
    encoding_if_known,
    encoding_of,
    files_in,
    group_parts,
    is_companion,
    parts_of,
)
from max.pipelines.modeling.config_enums import SupportedEncoding, is_block_encoding
from max.pipelines.modeling.errors import ConfigurationError, ModelSourceError

logger = logging.getLogger("max.pipelines")

INDEX_FILE = "model.safetensors.index.json"
WHOLE_FILE = "model.safetensors"
_ENCODING_OF_DTYPE: dict[str, SupportedEncoding] = {
    "F32": "float32",
    "BF16": "bfloat16",
    "F16": "float16",
    "F8_E4M3": "float8_e4m3fn",
}
_OTHER_FORMATS = (".bin", ".pth", ".pt")
# Norms and routers are often kept in float32; below this share of the bytes a type does not count.
_MINOR_SHARE = 0.1


def shards_of_index(folder: Path) -> list[str]:
    """The file names that the folder's index lists, sorted; none without an index.

    Raises:
        ModelSourceError: if the index cannot be read.
    """
    path = folder / INDEX_FILE
    if not path.is_file():
        return []
    try:
        names = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ModelSourceError(f"{path} is not an index of weights: {error!r:.200}") from error
    if wrong := [name for name in names if not is_plain_name(name)]:
        raise ModelSourceError(f"{path} lists {wrong[0]!r:.200}, which is no file of its folder")
    return sorted(names)


def find_weight_files(folder: Path, requested: SupportedEncoding | None = None) -> list[Path]:
    """The weight files of a model's folder.

    Safetensors files are preferred where there are GGUF files too, unless blocks are asked for
    and a GGUF file has them.

    Args:
        folder: the model's.
        requested: the encoding that is asked for.

    Raises:
        ConfigurationError: if there are only GGUF files, and none has that encoding.
        ModelSourceError: if there are none, or a file is missing.
    """
    ggufs = group_parts(files_in(folder))
    safetensors = _find_safetensors(folder)
    if ggufs and (not safetensors or (requested and is_block_encoding(requested))):
        encodings = {name: encoding_if_known(folder / name) for name in ggufs}
        try:
            return parts_of(folder / choose_model(encodings, requested, str(folder)))
        except ConfigurationError:
            if not safetensors:
                raise
    if safetensors:
        return safetensors
    others = sorted(p.name for p in folder.iterdir() if p.suffix in _OTHER_FORMATS)
    found = f"{', '.join(others)}, which this release does not load" if others else "none"
    raise ModelSourceError(
        f"no weights in {folder}: expected *.safetensors or *.gguf, found {found}"
    )


def _find_safetensors(folder: Path) -> list[Path]:
    """The safetensors files of a model's folder: those of its index, else all there are.

    A whole file beside an index of shards that are gone is what was made of them.
    """
    shards = shards_of_index(folder)
    missing = [name for name in shards if not (folder / name).is_file()]
    if missing and (folder / WHOLE_FILE).is_file():
        logger.warning(
            "%s lists files that are not there (%s); %s is read instead",
            folder / INDEX_FILE,
            ", ".join(missing),
            WHOLE_FILE,
        )
        return [folder / WHOLE_FILE]
    if missing:
        raise ModelSourceError(
            f"{folder / INDEX_FILE} lists {len(shards)} weight files, but {len(missing)} are "
            f"missing: {', '.join(missing)}; is the copy or download complete?"
        )
    if shards:
        return [folder / name for name in shards]
    files = sorted(p for p in folder.glob("*.safetensors") if not is_companion(p.name))
    return [path for path in files if path.name == WHOLE_FILE] or files


def read_header(path: Path) -> Mapping[str, SafetensorsTensor]:
    """The tensors of a safetensors file by name.

    Raises:
        ModelSourceError: if the file is missing, truncated or not safetensors.
    """
    try:
        return read_safetensors_header(path)
    except WeightsFileError as error:
        raise ModelSourceError(str(error)) from error


def checkpoint_encodings(files: Sequence[Path]) -> frozenset[SupportedEncoding]:
    """The encodings of the checkpoint's floating-point tensors, without those of minor share.

    A GGUF file has one, whatever the types of single tensors.

    Raises:
        ModelSourceError: as `read_header`, or for a GGUF file that cannot be read.
    """
    if files and is_gguf(files[0]):
        return frozenset({encoding_of(files[0])})
    num_bytes: Counter[SupportedEncoding] = Counter()
    for path in files:
        for entry in read_header(path).values():
            if entry.dtype in _ENCODING_OF_DTYPE:
                num_bytes[_ENCODING_OF_DTYPE[entry.dtype]] += entry.size
    total = num_bytes.total()
    return frozenset(e for e, amount in num_bytes.items() if amount >= _MINOR_SHARE * total)


def total_size(files: Sequence[Path]) -> int:
    """Bytes of the files together."""
    return sum(path.stat().st_size for path in files)
