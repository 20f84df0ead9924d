"""Every embedder gives the vectors that transformers' rows make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from integration.test_common.tiny_embedders import EMBEDDERS, POOLINGS, make_embedder
from integration.tools.debugging.sides import run_torch_embedder
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig

TEXTS = ["hello world", "a", "the quick brown fox jumps over the lazy dog " * 4, "x" * 150]
TOLERANCE = 2e-6


def make_pipeline(folder: Path, **settings: Any) -> Any:
    """The pipeline of a checkpoint, in float32 unless told otherwise."""
    config = PipelineConfig.from_flat_kwargs(
        **{
            "model_path": str(folder),
            "quantization_encoding": "float32",
            "device_specs": "cpu",
            "max_batch_size": 4,
            "kv_cache_page_size": 16,
            **settings,
        }
    )
    return PIPELINE_REGISTRY.retrieve(config)[1]


def expected_vectors(folder: Path, pooling: str, texts: list[str]) -> np.ndarray:
    """What transformers' rows give, pooled and normalized here."""
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    vectors = []
    for text in texts:
        with torch.inference_mode():
            rows = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        chosen = {"cls": rows[0], "mean": rows.mean(0), "lasttoken": rows[-1]}[pooling]
        vectors.append(torch.nn.functional.normalize(chosen, dim=0).numpy())
    return np.stack(vectors)


@pytest.mark.parametrize("family", EMBEDDERS)
def test_vectors(family: str, tmp_path: Path) -> None:
    folder = make_embedder(family, tmp_path / "model")
    found = make_pipeline(folder).encode(TEXTS)
    expected = expected_vectors(folder, POOLINGS[family], TEXTS)
    assert np.abs(found - expected).max() < TOLERANCE


def test_a_token_of_padding_in_a_text_is_not_counted_by_mpnet(tmp_path: Path) -> None:
    folder = make_embedder("MPNet", tmp_path / "model")
    tokens = [5, 1, 9, 1, 1, 7]
    (expected,) = run_torch_embedder(folder, tokens).tensors["vector"].numpy()
    (found,) = make_pipeline(folder).encode([tokens])
    assert np.abs(found - expected).max() < TOLERANCE


@pytest.mark.parametrize("pooling", ["cls", "lasttoken"])
def test_poolings(pooling: str, tmp_path: Path) -> None:
    folder = make_embedder("Bert", tmp_path / "model", pooling)
    found = make_pipeline(folder).encode(TEXTS)
    assert np.abs(found - expected_vectors(folder, pooling, TEXTS)).max() < TOLERANCE


def test_a_prompt_computed_in_parts_has_the_same_vector(tmp_path: Path) -> None:
    folder = make_embedder("Qwen3", tmp_path / "model")
    found = make_pipeline(folder, max_batch_input_tokens=9).encode(TEXTS)
    assert np.abs(found - expected_vectors(folder, "lasttoken", TEXTS)).max() < TOLERANCE


def test_vectors_in_bfloat16(tmp_path: Path) -> None:
    folder = make_embedder("ModernBert", tmp_path / "model")
    found = make_pipeline(folder, quantization_encoding="bfloat16").encode(TEXTS)
    cosines = (found * expected_vectors(folder, "cls", TEXTS)).sum(-1)
    assert cosines.min() > 0.995


def test_without_normalization_and_with_a_prompt(tmp_path: Path) -> None:
    folder = make_embedder(
        "Bert",
        tmp_path / "model",
        modules=("Transformer", "Pooling"),
        prompts={"query": "find: "},
        default_prompt_name="query",
    )
    found = make_pipeline(folder).encode(["me"])
    assert abs(float(np.linalg.norm(found)) - 1) > 0.1
    expected = expected_vectors(folder, "mean", ["find: me"])
    assert np.abs(found / np.linalg.norm(found) - expected).max() < TOLERANCE


def test_an_encoder_is_one_recorded_program(tmp_path: Path) -> None:
    pipeline = make_pipeline(make_embedder("Bert", tmp_path / "model"))
    profiler = pipeline.pipeline_model.session.profiler
    profiler.start()
    pipeline.encode(TEXTS)
    assert not any(profiler.cuts.values())


def test_a_decoder_pools_parts_by_its_last_token_only(tmp_path: Path) -> None:
    folder = make_embedder("Qwen3", tmp_path / "model", "mean")
    with pytest.raises(ValueError, match=r"pools by mean; .* lasttoken is supported"):
        make_pipeline(folder)
    whole = {"enable_chunked_prefill": False, "enable_prefix_caching": False}
    found = make_pipeline(folder, **whole).encode(TEXTS)
    assert np.abs(found - expected_vectors(folder, "mean", TEXTS)).max() < TOLERANCE
