"""How near embedders' vectors are to those that transformers' rows make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from integration.test_common.tiny_embedders import make_embedder
from integration.tools.debugging.sides import run_torch_embedder
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig

# Lengths of the texts that are embedded together, and alone.
LENGTHS = (1, 24, 130, 200)


class Vectors(NamedTuple):
    """One family's.

    Attributes:
        family: of transformers.
        together: the largest difference of an element in float32, of a batch of texts.
        alone: of each text alone.
        cosine: the largest cosine distance in bfloat16.
    """

    family: str
    together: float
    alone: float
    cosine: float


def measure_vectors(family: str, folder: Path) -> Vectors:
    """Measures a family of `tiny_embedders`; the folder is created."""
    make_embedder(family, folder)
    texts = [[(7 * n + 5 + size) % 251 for n in range(size)] for size in LENGTHS]
    theirs = torch.cat([run_torch_embedder(folder, text).tensors["vector"] for text in texts])
    together = _encode(folder, "float32", texts)
    alone = torch.cat([_encode(folder, "float32", [text]) for text in texts])
    short = torch.nn.functional.normalize(_encode(folder, "bfloat16", texts))
    cosines = (short * torch.nn.functional.normalize(theirs)).sum(-1)
    return Vectors(
        family,
        float((together - theirs).abs().max()),
        float((alone - theirs).abs().max()),
        float(1 - cosines.min()),
    )


def _encode(folder: Path, encoding: str, texts: Sequence[Sequence[int]]) -> torch.Tensor:
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        quantization_encoding=encoding,
        device_specs="cpu",
        max_batch_size=4,
    )
    _, pipeline = PIPELINE_REGISTRY.retrieve(config)
    return torch.from_numpy(pipeline.encode(texts))
