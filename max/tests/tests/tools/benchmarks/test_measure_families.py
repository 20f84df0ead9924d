"""The table of families' speeds, and which families it has."""

from __future__ import annotations

from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.modeling.types import PipelineTask
from tools.benchmarks.measure_families import Speed, table
from tools.benchmarks.offline.random_models import FAMILIES

# InternLM2 and MiniCPM compute what others do; what has experts is measured elsewhere.
ELSEWHERE = {"internlm2", "minicpm", "mixtral", "gpt_oss", "deepseek_v2", "deepseek_v3"}


def test_every_dense_decoder_is_measured() -> None:
    every = PIPELINE_REGISTRY.all_architectures()
    decoders = {each.family for each in every if each.task is PipelineTask.TEXT_GENERATION}
    dense = {name for name in decoders if "moe" not in name} - ELSEWHERE
    assert set(FAMILIES) == dense


def test_shares_stand_beside_llamas() -> None:
    speeds = {
        "llama3": [Speed(20.0, 0.90, 200.0, 0.80), Speed(30.0, 0.94, 300.0, 0.80)],
        "phi": [Speed(10.0, 0.86, 100.0, 0.84), Speed(12.0, 0.86, 100.0, 0.84)],
    }
    _, _, llama, phi = table(speeds)
    assert llama == "| llama3 | 25.0 | 92% | +0 | 250.0 | 80% | +0 |"
    assert phi == "| phi | 11.0 | 86% | -6 | 100.0 | 84% | +4 |"
