"""The table of families' speeds, and which families it has."""

from __future__ import annotations

from integration.test_common.every_tiny_model import EVERY_TINY_MODEL
from integration.test_common.tiny_families import WITH_EXPERTS
from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.modeling.types import PipelineTask
from tools.benchmarks.measure_families import Speed, table
from tools.benchmarks.offline.random_models import FAMILIES


def test_every_dense_decoder_is_measured() -> None:
    """But InternLM2 and MiniCPM, which compute what others do."""
    every = PIPELINE_REGISTRY.all_architectures()
    families = {a.name: a.family for a in every if a.task is PipelineTask.TEXT_GENERATION}
    own = {name: families[model.architecture] for name, model in EVERY_TINY_MODEL.items()}
    dense = set(own.values()) - {own[name] for name in WITH_EXPERTS}
    assert set(FAMILIES) == dense - {"internlm2", "minicpm"}


def test_shares_stand_beside_llamas() -> None:
    speeds = {
        "llama3": [Speed(20.0, 0.90, 200.0, 0.80), Speed(30.0, 0.94, 300.0, 0.80)],
        "phi": [Speed(10.0, 0.86, 100.0, 0.84), Speed(12.0, 0.86, 100.0, 0.84)],
    }
    _, _, llama, phi = table(speeds)
    assert llama == "| llama3 | 25.0 | 92% | +0 | 250.0 | 80% | +0 |"
    assert phi == "| phi | 11.0 | 86% | -6 | 100.0 | 84% | +4 |"
