"""GGUF files of embedders give the vectors of the checkpoints that they were made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from integration.test_common.tiny_embedder_gguf import write_embedder_gguf
from integration.test_common.tiny_embedders import make_embedder
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig
from max.pipelines.modeling.errors import ModelSourceError

POOLINGS = {
    "Bert": ("cls", gguf.PoolingType.CLS),
    "ModernBert": ("mean", gguf.PoolingType.MEAN),
    "Qwen3": ("lasttoken", gguf.PoolingType.LAST),
}
TEXTS = ["hello world", "a", "the quick brown fox jumps over the lazy dog"]


def make_pipeline(model: Path, encoding: str = "float32") -> Any:
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(model), quantization_encoding=encoding, device_specs="cpu", max_batch_size=4
    )
    return PIPELINE_REGISTRY.retrieve(config)[1]


@pytest.mark.parametrize("family", POOLINGS)
def test_vectors(family: str, tmp_path: Path) -> None:
    """Sizes, angles, windows, pooling and tokenizer are read of the file."""
    name, pooling = POOLINGS[family]
    checkpoint = make_embedder(family, tmp_path / "model", name)
    (tmp_path / "gguf").mkdir()
    file = write_embedder_gguf(checkpoint, tmp_path / "gguf" / "model.gguf", pooling)
    found = make_pipeline(file.parent).encode(TEXTS)
    assert np.abs(found - make_pipeline(checkpoint).encode(TEXTS)).max() < 2e-6


def test_another_pooling_is_refused(tmp_path: Path) -> None:
    checkpoint = make_embedder("Bert", tmp_path / "model")
    (tmp_path / "gguf").mkdir()
    write_embedder_gguf(checkpoint, tmp_path / "gguf" / "model.gguf", gguf.PoolingType.RANK)
    with pytest.raises(ModelSourceError, match=r"the pooling 4 \(bert.pooling_type\).* 1 \(mean\)"):
        make_pipeline(tmp_path / "gguf")
