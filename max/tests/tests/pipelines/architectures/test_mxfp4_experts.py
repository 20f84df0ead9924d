"""gpt-oss with MXFP4 experts, of Hugging Face's files and of GGUF files, without expanding them."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.parity import Pair
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_gguf_experts import write_gguf_with_experts
from integration.test_common.tiny_mxfp4 import write_mxfp4
from max.graph.quantization import QuantizationEncoding
from max.pipelines.config import PipelineConfig
from max.pipelines.modeling.errors import ConfigurationError


def test_both_kinds_of_files(tmp_path: Path) -> None:
    """They give the same bits, near to transformers' (activations are rounded to bytes)."""
    found = write_mxfp4(tmp_path)
    pair = Pair(found.plain)
    folder = tmp_path / "gguf"
    folder.mkdir()
    write_gguf_with_experts(found.plain, folder / "model-mxfp4.gguf", "mxfp4")
    runs = []
    for runner in (
        StepRunner(found.blocks, "float32"),
        StepRunner(folder, "mxfp4", kv_cache_format="float32"),
    ):
        request = runner.start(pair.prompt(40))
        runner.finish_prompt(request, 7)
        runs.append(request.logits)
    assert kl_divergence(runs[0], runs[1]).max() < 1e-9
    assert kl_divergence(pair.torch.logits(pair.prompt(40)), runs[0]).mean() < 1e-3


def test_other_weights_cannot_be_quantized_beside_them(tmp_path: Path) -> None:
    found = write_mxfp4(tmp_path)
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(found.blocks), quantization_encoding=QuantizationEncoding.Q8_0.value
    )
    with pytest.raises(ConfigurationError, match=r"\(mxfp4\); its other weights cannot be"):
        config.model.resolve_encoding()
