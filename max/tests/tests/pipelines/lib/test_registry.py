from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from max.pipelines.architectures.llama3 import llama_arch
from max.pipelines.architectures.llama3.model import Llama3Model
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.lib import (
    PIPELINE_REGISTRY,
    ArchConfigWithBoundedMaxSeqLen,
    PipelineModel,
    RaggedBatchProcessor,
    SupportedArchitecture,
    TextTokenizer,
)
from max.pipelines.lib.lazy_architecture import LazyArchitecture, summarize
from max.pipelines.lib.registry import PipelineRegistry
from max.pipelines.modeling.types import PipelineTask
from tests.pipelines.lib.tiny_llama import make_config, make_tiny_llama


def make_architecture(
    name: str = "MyForCausalLM",
    task: PipelineTask = PipelineTask.TEXT_GENERATION,
    pipeline_model: Any = Llama3Model,
) -> SupportedArchitecture:
    return SupportedArchitecture(name=name, task=task, pipeline_model=pipeline_model)


def test_the_tree_is_registered() -> None:
    assert {"LlamaForCausalLM", "Qwen2ForCausalLM"} <= set(PIPELINE_REGISTRY.names())
    assert PIPELINE_REGISTRY.retrieve_architecture("LlamaForCausalLM") is llama_arch
    task = PIPELINE_REGISTRY.retrieve_pipeline_task("Qwen2ForCausalLM")
    assert task is PipelineTask.TEXT_GENERATION
    assert PIPELINE_REGISTRY.architectures["LlamaForCausalLM"] is llama_arch


def test_importing_the_registry_imports_no_architecture() -> None:
    code = (
        "import sys, max.pipelines.architectures as a; "
        "from max.pipelines.lib import PIPELINE_REGISTRY; PIPELINE_REGISTRY.names(); "
        "print([m for m in sys.modules if m.startswith(a.__name__ + '.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_every_architecture_of_the_tree_is_what_its_summary_says() -> None:
    for entry in PIPELINE_REGISTRY.lazy_architectures():
        architecture = PIPELINE_REGISTRY.retrieve_architecture(entry.name)
        summary = summarize(entry)
        assert summary.name == architecture.name
        assert summary.example_repo_ids == list(architecture.example_repo_ids)
        assert set(summary.supported_encodings) == architecture.supported_encodings
        assert summary.default_encoding == architecture.default_encoding
        if entry.is_usual:
            assert architecture.tokenizer is TextTokenizer
            assert not architecture.context_validators and not architecture.required_arguments
            assert not architecture.multi_gpu_supported
            limit = cast(Any, architecture.config).calculate_max_seq_len.__func__
            assert limit is cast(Any, ArchConfigWithBoundedMaxSeqLen).calculate_max_seq_len.__func__
            model = cast(Any, architecture.pipeline_model)
            assert model.calculate_max_seq_len.__func__ is (
                cast(Any, PipelineModel).calculate_max_seq_len.__func__
            )


def test_unknown_name_lists_the_known_nearest_first() -> None:
    with pytest.raises(ValueError, match="No architecture found for Qwen2ForCausalML") as caught:
        PIPELINE_REGISTRY.retrieve_architecture("Qwen2ForCausalML")
    message = str(caught.value)
    assert message.index("Qwen2ForCausalLM") < message.index("LlamaForCausalLM")
    assert "--custom-architectures" in message


def test_unknown_architecture_of_a_checkpoint(tmp_path: Path) -> None:
    folder = make_tiny_llama(tmp_path / "model", "LammaForCausalLM")
    with pytest.raises(ValueError, match=r"found for LammaForCausalLM.*first: LlamaForCausalLM"):
        PIPELINE_REGISTRY.retrieve(make_config(folder))


def test_register() -> None:
    registry = PipelineRegistry()
    mine = make_architecture()
    registry.register(mine)
    assert registry.retrieve_architecture("MyForCausalLM") is mine


def test_a_taken_name_is_refused_unless_allowed(caplog: pytest.LogCaptureFixture) -> None:
    registry = PipelineRegistry()
    registry.register(make_architecture())
    other = make_architecture()
    with pytest.raises(ValueError, match="Refusing to override existing architecture for 'MyFor"):
        registry.register(other)
    with caplog.at_level(logging.WARNING):
        registry.register(other, allow_override=True)
    assert "Overriding existing architecture for 'MyForCausalLM' with task" in caplog.text
    assert registry.retrieve_architecture("MyForCausalLM") is other


def test_a_name_with_two_tasks() -> None:
    registry = PipelineRegistry()
    embeds = make_architecture(task=PipelineTask.EMBEDDINGS_GENERATION)
    registry.register(make_architecture())
    registry.register(embeds)
    with pytest.raises(ValueError, match=r"supports multiple pipeline tasks.*specify --task"):
        registry.retrieve_architecture("MyForCausalLM")
    found = registry.retrieve_architecture("MyForCausalLM", PipelineTask.EMBEDDINGS_GENERATION)
    assert found is embeds


@pytest.mark.parametrize("model", [object, "Llama3Model", None])
def test_pipeline_model_of_another_class(model: object) -> None:
    with pytest.raises(TypeError, match="must be a subclass of PipelineModel"):
        PipelineRegistry().register(make_architecture(pipeline_model=model))


def test_architectures_that_share_a_pipeline_model_keep_their_own_parts() -> None:
    """One whose config differs, and nothing else, is registered with the model of the tree."""

    class MyConfig(Llama3Config):
        pass

    class MyProcessor(RaggedBatchProcessor):
        pass

    registry = PipelineRegistry()
    registry.register(replace(llama_arch, name="A"))
    registry.register(replace(llama_arch, name="B", config=MyConfig, batching=MyProcessor))
    for name, config, batching in (
        ("A", Llama3Config, RaggedBatchProcessor),
        ("B", MyConfig, MyProcessor),
    ):
        model = registry.retrieve_architecture(name).model_cls
        assert issubclass(model, Llama3Model)
        assert model.model_config_cls is config
        assert model.batch_processor_cls is batching
    assert Llama3Model.model_config_cls is Llama3Config


def test_hooks_of_earlier_releases_are_refused_by_name() -> None:
    class Base(Llama3Model):
        def prepare_next_token_inputs(self, next_tokens: Any, prev_model_inputs: Any) -> Any:
            return prev_model_inputs

    class MyModel(Base):
        logits_postprocessor = None

    with pytest.raises(TypeError, match="MyForCausalLM") as caught:
        PipelineRegistry().register(make_architecture(pipeline_model=MyModel))
    assert "Base.prepare_next_token_inputs (every step's inputs come from prepare_initial" in str(
        caught.value
    )
    assert "MyModel.logits_postprocessor" in str(caught.value)


def test_lazy_entry_that_is_no_architecture() -> None:
    registry = PipelineRegistry()
    registry.register_lazy(LazyArchitecture("X", "max.pipelines.lib.registry", "PipelineRegistry"))
    with pytest.raises(TypeError, match="not a SupportedArchitecture"):
        registry.retrieve_architecture("X")


def test_reset_forgets_what_was_registered_at_run_time() -> None:
    registry = PipelineRegistry()
    registry.register(make_architecture())
    registry.reset()
    with pytest.raises(ValueError, match="No architecture found"):
        registry.retrieve_architecture("MyForCausalLM")


def test_only_three_fields_are_required() -> None:
    mine = make_architecture()
    assert mine.supported_encodings == set()
    assert mine.default_encoding is None
    with pytest.raises(ValueError, match="made by a function"):
        _ = mine.tokenizer_cls
    with pytest.raises(TypeError, match="pipeline_model"):
        cast("Any", SupportedArchitecture)(name="x", task=PipelineTask.TEXT_GENERATION)
