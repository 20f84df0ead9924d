"""The page of accuracy is made of measurements alone."""

from __future__ import annotations

from integration.accuracy.embedders import Vectors
from integration.accuracy.matrix import QUANTIZED, WAYS, Measured, has_quantized
from integration.accuracy.update_accuracy_page import page
from integration.test_common.every_tiny_model import EVERY_TINY_MODEL
from integration.test_common.tiny_families import WITH_EXPERTS
from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.modeling.types import PipelineTask


def test_a_table_for_each_encoding_and_one_of_quantized_weights() -> None:
    measured = Measured("tiny-gemma", "GemmaForCausalLM", dict.fromkeys(WAYS, 2e-6), True)
    costs = {"tiny-gemma": dict.fromkeys(QUANTIZED, 3e-4)}
    text = page(
        {"float32": [measured], "bfloat16": [measured]}, costs, [Vectors("MPNet", 2e-7, 3e-7, 4e-5)]
    )
    row = "| gemma | tiny-gemma |" + " 2e-06 |" * len(WAYS) + " yes |"
    assert text.count(row) == 2
    head = "| model | " + " | ".join(f"{name}, {limit:g}" for name, limit in QUANTIZED.items())
    assert f"{head} |\n|---|--:|--:|--:|--:|--:|\n| tiny-gemma | 3e-04" in text
    assert "|---|--:|--:|--:|\n| MPNet | 2e-07 | 3e-07 | 4e-05 |" in text


def test_each_dense_family_has_quantized_encodings() -> None:
    every = PIPELINE_REGISTRY.all_architectures()
    families = {a.name: a.family for a in every if a.task is PipelineTask.TEXT_GENERATION}
    own = {name: families[model.architecture] for name, model in EVERY_TINY_MODEL.items()}
    chosen = {family for name, family in own.items() if has_quantized(name)}
    assert chosen == set(own.values()) - {own[name] for name in WITH_EXPERTS}
