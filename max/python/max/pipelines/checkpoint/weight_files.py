"""A checkpoint's weight files: which there are, what their headers say. Reads no tensor data."""

from __future__ import annotations

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
from max.pipelines.checkpoint.json_files import read_json_value
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
    return sorted(set(_weight_map(folder).values()))


def _weight_map(folder: Path) -> dict[str, str]:
    """The files of the index by the names of tensors; see `shards_of_index`."""
    path = folder / INDEX_FILE
    if not path.is_file():
        return {}
    try:
        found = read_json_value(path)["weight_map"]
        names = set(found.values())
    except (ModelSourceError, KeyError, AttributeError, TypeError) as error:
        raise ModelSourceError(f"{path} is not an index of weights: {error!r:.200}") from error
    if wrong := [name for name in names if not is_plain_name(name)]:
        raise ModelSourceError(f"{path} lists {wrong[0]!r:.200}, which is no file of its folder")
    return dict(found)


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

    An index is passed over where a whole file stands beside it, which transformers reads too, and
    where other files have all that is in those that it lists and that are gone.
    """
    weight_map = _weight_map(folder)
    shards = sorted(set(weight_map.values()))
    missing = [name for name in shards if not (folder / name).is_file()]
    files = sorted(
        path
        for path in folder.glob("*.[sS][aA][fF][eE][tT][eE][nN][sS][oO][rR][sS]")
        if not is_companion(path.name)
    )
    whole = [path for path in files if path.name == WHOLE_FILE]
    others = [path for path in files if path.name not in shards]
    if shards and whole and WHOLE_FILE not in shards:
        instead = whole
    elif missing and others and _names_in(others) >= weight_map.keys():
        instead = others
    else:
        instead = []
    if instead:
        logger.warning(
            "%s lists %s; what is read instead is %s",
            folder / INDEX_FILE,
            f"files that are not there ({', '.join(missing)})" if missing else "other files",
            ", ".join(path.name for path in instead),
        )
        return instead
    if missing:
        raise ModelSourceError(
            f"{folder / INDEX_FILE} lists {len(shards)} weight files, but {len(missing)} are "
            f"missing: {', '.join(missing)}; is the copy or download complete?"
        )
    if shards:
        return [folder / name for name in shards]
    return whole or files


def _names_in(files: Sequence[Path]) -> set[str]:
    """The tensors of files that may be of no use."""
    try:
        return {name for path in files for name in read_safetensors_header(path)}
    except WeightsFileError:
        return set()


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
