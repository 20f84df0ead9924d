"""Quantized weights on disk, so that a start maps them instead of quantizing again.

A folder per checkpoint and encoding: a GGUF file under our names, and the checksums of its tensors.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from max.driver.cache_folder import cache_root, scratch_folder
from max.graph.quantization import QuantizationEncoding
from max.graph.weights import WeightData, WeightsFileError, load_weights
from max.graph.weights.gguf_writer import PlannedTensor, write_gguf
from max.pipelines.config import MAXModelConfig

logger = logging.getLogger("max.pipelines")

# Changes whenever the same weights are encoded otherwise.
_FORMAT = "1"
_WEIGHTS, _CHECKSUMS = "weights.gguf", "checksums.json"


@dataclass(frozen=True)
class PackedCache:
    """The quantized weights of one checkpoint in one encoding.

    Attributes:
        folder: where they are, if they are there.
    """

    folder: Path

    @classmethod
    def of(cls, model_config: MAXModelConfig, wanted: QuantizationEncoding) -> PackedCache:
        """The place for a model's weights: it depends on the files, not on what they are called.

        Args:
            model_config: the model.
            wanted: the encoding that is asked for.
        """
        digest = hashlib.sha256(f"{_FORMAT} {wanted.value}".encode())
        for path in model_config.resolved_weight_paths:
            real = path.resolve()
            found = real.stat()
            digest.update(f"\n{real} {found.st_size} {found.st_mtime_ns}".encode())
        name = f"{model_config.resolved_model_path.name}-{wanted.value}-{digest.hexdigest()[:16]}"
        return cls(cache_root() / "packed" / name)

    def load(self, plan: Mapping[str, PlannedTensor]) -> dict[str, WeightData] | None:
        """The weights, mapped and checked; None when they are not there.

        What is damaged is removed, with a warning.

        Args:
            plan: the weights that there should be, by name.
        """
        if not self.folder.is_dir():
            return None
        try:
            return self._read(plan)
        except (WeightsFileError, OSError, ValueError, KeyError) as error:
            logger.warning(
                "the quantized weights in the cache are damaged and made anew: %s: %s",
                self.folder,
                error,
            )
            shutil.rmtree(self.folder, ignore_errors=True)
            return None

    def write(
        self, plan: Mapping[str, PlannedTensor], tensors: Iterator[torch.Tensor]
    ) -> dict[str, WeightData]:
        """Keeps weights, and gives them as `load` does.

        Args:
            plan: what will come, by name.
            tensors: packed rows in that order.

        Raises:
            CacheFolderError: if the cache cannot be written.
            OSError: if the disk is full.
        """
        checksums: list[int] = []

        def checked() -> Iterator[torch.Tensor]:
            for tensor in tensors:
                checksums.append(_checksum(tensor))
                yield tensor

        with scratch_folder(self.folder.parent) as scratch:
            fresh = scratch / "packed"
            fresh.mkdir()
            write_gguf(fresh / _WEIGHTS, {}, list(plan.values()), checked())
            by_name = dict(zip(plan, checksums, strict=True))
            (fresh / _CHECKSUMS).write_text(json.dumps(by_name), encoding="utf-8")
            shutil.rmtree(self.folder, ignore_errors=True)
            fresh.rename(self.folder)
        return self._read(plan)

    def _read(self, plan: Mapping[str, PlannedTensor]) -> dict[str, WeightData]:
        weights = {n: w.data() for n, w in load_weights(self.folder / _WEIGHTS).items()}
        expected = json.loads((self.folder / _CHECKSUMS).read_text(encoding="utf-8"))
        if {name: data.quantization_encoding for name, data in weights.items()} != {
            name: planned.kind for name, planned in plan.items()
        }:
            raise ValueError("they are not the weights of this model")
        with ThreadPoolExecutor(2) as pool:  # checksums are made without Python's lock
            found = pool.map(lambda data: _checksum(data.to_buffer().tensor), weights.values())
            wrong = [n for n, made in zip(weights, found, strict=True) if made != expected[n]]
        if wrong:
            raise ValueError(f"{len(wrong)} tensors have other checksums: {', '.join(wrong[:3])}")
        return weights


def _checksum(tensor: torch.Tensor) -> int:
    return zlib.crc32(tensor.contiguous().reshape(-1).numpy().data)
