"""What a package may override of the model and the configuration of decoders is heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from max.graph import Graph
from max.nn import ConstantLayerNorm, ReturnLogits
from max.pipelines.architectures.llama3 import llama_arch
from max.pipelines.architectures.llama3.llama3 import Llama3
from max.pipelines.architectures.llama3.model import Llama3Model
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.modeling.types import TextGenerationRequest
from tests.pipelines.lib.tiny_llama import make_config, make_tiny_llama


@pytest.fixture(autouse=True)
def leave_no_trace() -> Iterator[None]:
    """Forgets what a test registers."""
    yield
    PIPELINE_REGISTRY.reset()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_llama(tmp_path_factory.mktemp("tiny") / "model", "MyForCausalLM")


def load(folder: Path, model: type[Llama3Model], config: type[Llama3Config] = Llama3Config) -> Any:
    arch = replace(llama_arch, name="MyForCausalLM", pipeline_model=model, config=config)
    PIPELINE_REGISTRY.register(arch)
    _, pipeline = PIPELINE_REGISTRY.retrieve(make_config(folder))
    return pipeline


def tokens_of(pipeline: Any) -> list[int]:
    (output,) = pipeline.generate([TextGenerationRequest(prompt="Hi")])
    return list(output.tokens)


def test_the_graph_and_the_weights(folder: Path) -> None:
    class MyModel(Llama3Model):
        """As packages have it: the hooks take the weights and the adapter."""

        heard: ClassVar[list[str]] = []

        def graph_inputs(self) -> Any:
            self.heard.append("graph_inputs")
            return tuple(super().graph_inputs())

        def _get_state_dict(self, weights: Any, adapter: Any = None) -> dict[str, Any]:
            self.heard.append("_get_state_dict")
            state_dict = super()._get_state_dict(weights, adapter)
            return {**state_dict, "extra.weight": state_dict["norm.weight"]}

        def _build_graph(self, weights: Any, adapter: Any = None) -> Graph:  # type: ignore[override]
            self.heard.append("_build_graph")
            return super()._build_graph(weights, adapter)

    with pytest.raises(ValueError, match=r"Unexpected keys in state_dict: extra\.weight"):
        load(folder, MyModel)
    PIPELINE_REGISTRY.reset()

    class Lenient(MyModel):
        _strict_state_dict_loading = False
        heard: ClassVar[list[str]] = []

    pipeline = load(folder, Lenient)
    assert Lenient.heard == ["_build_graph", "_get_state_dict", "graph_inputs"]
    assert pipeline.pipeline_model.state_dict == {}, "the model alone holds the weights"
    assert tokens_of(pipeline)


def test_norms_and_biases(folder: Path) -> None:
    seen: list[Llama3] = []

    class Recording(Llama3):
        def __init__(self, config: Llama3Config) -> None:
            super().__init__(config)
            seen.append(self)

    class MyModel(Llama3Model):
        decoder_cls = Recording
        norm_method = "layer_norm"
        attention_bias = True

    with pytest.raises(ValueError, match=r"q_proj\.bias") as caught:
        load(folder, MyModel)
    assert "norm.weight" in str(caught.value), "layer norms without weights"
    assert isinstance(seen[0].norm, ConstantLayerNorm)


def test_a_finalize_of_fewer_arguments(folder: Path) -> None:
    heard = []

    class MyConfig(Llama3Config):
        def finalize(self, huggingface_config: Any, state_dict: Any, return_logits: Any) -> None:  # type: ignore[override]
            super().finalize(huggingface_config, state_dict, return_logits, norm_method="rms_norm")
            heard.append(return_logits)

    assert tokens_of(load(folder, Llama3Model, MyConfig))
    assert heard == [ReturnLogits.LAST_TOKEN]
