from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from max.pipelines.architectures.llama3 import llama_arch
from max.pipelines.architectures.llama3.model import Llama3Model
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.context import TextContext
from max.pipelines.lib import (
    PIPELINE_REGISTRY,
    RaggedBatchProcessor,
    SupportedArchitecture,
    TextTokenizer,
)
from max.pipelines.lib.decoder_model import DecoderModel
from max.pipelines.lib.registry import PipelineRegistry
from max.pipelines.modeling.types import PipelineTask
from tests.pipelines.lib.tiny_llama import make_config, make_tiny_llama


def make_architecture(
    name: str = "MyForCausalLM",
    task: PipelineTask = PipelineTask.TEXT_GENERATION,
    pipeline_model: Any = Llama3Model,
) -> SupportedArchitecture:
    return SupportedArchitecture(name=name, task=task, pipeline_model=pipeline_model)


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_tree_is_registered() -> None:
    assert {"LlamaForCausalLM", "Qwen2ForCausalLM"} <= set(PIPELINE_REGISTRY.names())
    assert PIPELINE_REGISTRY.retrieve_architecture("LlamaForCausalLM") is llama_arch
    task = PIPELINE_REGISTRY.retrieve_pipeline_task("Qwen2ForCausalLM")
    assert task is PipelineTask.TEXT_GENERATION
    assert PIPELINE_REGISTRY.architectures["LlamaForCausalLM"] is llama_arch


def test_importing_the_registry_imports_no_architecture() -> None:
    code = (
        "import max.pipelines.architectures as a; "
        "from max.pipelines.lib import PIPELINE_REGISTRY; PIPELINE_REGISTRY.names(); "
        "print([m for m in sys.modules if m.startswith(a.__name__ + '.')])"
    )
    assert run(code) == "[]"


def test_architectures_of_the_tree_are_listed_without_importing_torch() -> None:
    code = (
        "from max.pipelines.lib import PIPELINE_REGISTRY; "
        "found = PIPELINE_REGISTRY.all_architectures(); "
        "print(len({a.name for a in found}), 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    assert run(code) == f"{len(PIPELINE_REGISTRY.names())} False False"


@pytest.mark.parametrize("architecture", PIPELINE_REGISTRY.all_architectures(), ids=str)
def test_names_of_the_tree_lead_to_what_they_should(architecture: SupportedArchitecture) -> None:
    model = architecture.model_cls
    assert model.model_config_cls is architecture.config
    assert all(map(callable, architecture.weight_adapters.values()))
    assert issubclass(architecture.tokenizer_cls, TextTokenizer)


@pytest.mark.parametrize("architecture", PIPELINE_REGISTRY.all_architectures(), ids=str)
def test_the_length_told_beside_a_model_is_the_models(
    architecture: SupportedArchitecture, tmp_path: Path
) -> None:
    model = SimpleNamespace(max_length=None, resolved_model_path=tmp_path)
    config = cast(Any, SimpleNamespace(model=model))
    huggingface_config = cast(Any, SimpleNamespace(max_position_embeddings=512))
    assert architecture.max_length is not None
    for config.model.max_length in (None, 7):
        told = architecture.max_length(config, huggingface_config)
        assert told == architecture.model_cls.calculate_max_seq_len(config, huggingface_config)


def test_the_length_of_a_model_that_was_exchanged_is_its_own(tmp_path: Path) -> None:
    class Endless(Llama3Model):
        @classmethod
        def calculate_max_seq_len(cls, *args: object) -> int:
            return 10**6

    config = make_config(make_tiny_llama(tmp_path / "model"), max_length=None)
    assert llama_arch.max_length_of(config) == 512
    assert replace(llama_arch, pipeline_model=Endless).max_length_of(config) == 10**6
    with pytest.raises(ValueError, match="lower --max-length"):
        llama_arch.max_length_of(make_config(tmp_path / "model", max_length=1000))


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
    found = registry.retrieve_architecture("MyForCausalLM", task=PipelineTask.EMBEDDINGS_GENERATION)
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


def test_settings_of_llama_are_refused_where_nothing_reads_them() -> None:
    class Heard(Llama3Model):
        norm_method = "layer_norm"

    class Unheard(DecoderModel):
        norm_method = "layer_norm"

    PipelineRegistry().register(make_architecture(pipeline_model=Heard))
    message = r"Unheard.norm_method \(override make_norm of the decoder\)"
    with pytest.raises(TypeError, match=message):
        PipelineRegistry().register(make_architecture(pipeline_model=Unheard))


def test_lazy_entry_that_is_no_architecture() -> None:
    registry = PipelineRegistry()
    registry.register_lazy("X", "max.pipelines.lib.registry", "PipelineRegistry")
    with pytest.raises(TypeError, match="not a SupportedArchitecture"):
        registry.retrieve_architecture("X")


def test_lazy_entry_inside_a_package() -> None:
    registry = PipelineRegistry()
    package = "max.pipelines.architectures"
    registry.register_lazy("X", ".llama3.arch", "llama_arch", package=package)
    assert registry.retrieve_architecture("X") is llama_arch


def test_another_variant_of_an_architecture_is_preferred_where_there_is_one() -> None:
    registry = PipelineRegistry()
    plain, other = make_architecture(), make_architecture("MyForCausalLM_ModuleV3")
    registry.register(plain)
    assert registry.retrieve_architecture("MyForCausalLM", prefer_module_v3=True) is plain
    registry.register(other)
    assert registry.retrieve_architecture("MyForCausalLM", True) is other
    assert registry.retrieve_architecture("MyForCausalLM") is plain


def test_the_architecture_of_a_checkpoint_can_be_overridden(tmp_path: Path) -> None:
    config = make_config(make_tiny_llama(tmp_path / "model", "SomethingElse"))
    with pytest.raises(ValueError, match="No architecture found for SomethingElse"):
        PIPELINE_REGISTRY.retrieve_tokenizer(config)
    name = "LlamaForCausalLM"
    assert PIPELINE_REGISTRY.resolve(config, name) is llama_arch
    task = PipelineTask.TEXT_GENERATION
    tokenizer, factory = PIPELINE_REGISTRY.retrieve_factory(config, task, name)
    assert isinstance(tokenizer, TextTokenizer)
    assert pickle.loads(pickle.dumps(factory)) == factory
    assert (factory.override_architecture, factory.task) == (name, task)
    _, pipeline = PIPELINE_REGISTRY.retrieve(config, override_architecture=name)
    assert isinstance(pipeline.pipeline_model, Llama3Model)


def test_what_else_is_told_of_a_configuration(tmp_path: Path) -> None:
    config = make_config(make_tiny_llama(tmp_path / "model"))
    assert PIPELINE_REGISTRY.retrieve_context_type(config) is TextContext
    told = PIPELINE_REGISTRY.get_active_huggingface_config(config.model.huggingface_weight_repo)
    assert told.hidden_size == config.model.huggingface_config.hidden_size


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
    assert mine.tokenizer_cls is TextTokenizer
    with pytest.raises(ValueError, match="made by a function"):
        _ = replace(mine, tokenizer=lambda **_: None).tokenizer_cls
    with pytest.raises(TypeError, match="pipeline_model"):
        cast("Any", SupportedArchitecture)(name="x", task=PipelineTask.TEXT_GENERATION)
