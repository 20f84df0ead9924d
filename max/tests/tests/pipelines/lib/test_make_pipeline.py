from __future__ import annotations

import ast
import importlib
import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS, WIDE_MODELS
from max.graph.weights import WeightsFormat
from max.nn.transformer import ReturnLogits
from max.pipelines.architectures.llama3 import llama_arch
from max.pipelines.architectures.llama3.weight_adapters import convert_safetensor_state_dict
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineModel, TextGenerationPipeline
from max.pipelines.lib.make_pipeline import make_model, plan_memory
from max.pipelines.lib.registry import PipelineFactory
from max.pipelines.modeling.types import TextGenerationInputs
from tests.pipelines.lib.tiny_llama import make_config, make_tiny_llama


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama checkpoint."""
    return make_tiny_llama(tmp_path_factory.mktemp("tiny") / "model")


def generate(pipeline: TextGenerationPipeline, prompt: list[int], steps: int) -> list[int]:
    ctx = TextContext(
        max_length=len(prompt) + steps,
        tokens=TokenBuffer(prompt),
        sampling_params=SamplingParams(temperature=0.0),
    )
    pipeline.kv_manager.claim(ctx.request_id)
    while not ctx.is_done:
        pipeline.kv_manager.alloc(ctx)
        pipeline.execute(TextGenerationInputs(batches=[[ctx]]))
    pipeline.release(ctx.request_id)
    return [int(token) for token in ctx.tokens.generated]


def test_a_copy_in_another_process_makes_the_same_pipeline(folder: Path) -> None:
    _, factory = PIPELINE_REGISTRY.retrieve_factory(make_config(folder))
    copy = pickle.loads(pickle.dumps(factory))
    prompt = list(range(3, 40))
    assert generate(copy(), prompt, 8) == generate(factory(), prompt, 8)


def test_phases_are_told_as_they_begin(folder: Path) -> None:
    phases: list[str] = []

    PipelineFactory(make_config(folder))(on_phase=phases.append)

    assert phases == ["read", "compile", "place weights", "allocate"]


def test_the_sampler_s_kernel_is_made_before_the_first_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("the compiler fails")

    module = importlib.import_module("max.pipelines.lib.make_pipeline")
    monkeypatch.setattr(module, "make_sampling_kernels", fail)
    with pytest.raises(RuntimeError, match="the compiler fails"):
        PipelineFactory(make_config(folder))()


@pytest.mark.parametrize("kind", ReturnLogits)
def test_every_kind_of_logits_gives_the_same_next_tokens(folder: Path, kind: ReturnLogits) -> None:
    plain = PipelineFactory(make_config(folder))()
    other = PipelineFactory(make_config(folder), return_logits=kind)()
    assert generate(other, [5, 6, 7], 5) == generate(plain, [5, 6, 7], 5)


def test_variable_logits_are_the_last_rows_of_each_request(folder: Path) -> None:
    """Also in a batch: of every request, the three rows before its end."""
    prompts = [[5, 6, 7, 8], list(range(10, 30))]
    rows = {}
    for kind in (ReturnLogits.ALL, ReturnLogits.VARIABLE):
        pipeline = PipelineFactory(make_config(folder), return_logits=kind)()
        batch = [TextContext(max_length=64, tokens=TokenBuffer(prompt)) for prompt in prompts]
        for ctx in batch:
            pipeline.kv_manager.claim(ctx.request_id)
            pipeline.kv_manager.alloc(ctx)
        cache = pipeline.kv_manager.runtime_inputs([batch])
        model = pipeline.pipeline_model
        outputs = model.execute(model.prepare_initial_token_inputs([batch], cache, 3))
        assert outputs.logit_offsets is not None
        rows[kind] = outputs.logits.to_numpy(), outputs.logit_offsets.to_numpy().tolist()
    whole, ends = rows[ReturnLogits.ALL]
    last, offsets = rows[ReturnLogits.VARIABLE]
    assert (ends, offsets) == ([0, 4, 24], [0, 3, 6])
    np.testing.assert_allclose(last, np.concatenate([whole[1:4], whole[21:24]]), atol=1e-5)


def test_the_plan_s_batch_size_is_what_the_scheduler_reads(folder: Path) -> None:
    config = make_config(folder, max_batch_size=None)
    pipeline = PipelineFactory(config)()
    assert pipeline.plan is not None
    assert config.runtime.max_batch_size == pipeline.plan.max_batch_size
    assert pipeline.kv_manager.total_num_pages == pipeline.plan.total_num_pages


def test_the_plan_counts_the_weights_in_the_encoding_that_runs(folder: Path) -> None:
    sizes = {}
    for encoding in ("float32", "bfloat16"):
        config = make_config(folder, quantization_encoding=encoding)
        sizes[encoding] = plan_memory(PIPELINE_REGISTRY.resolve(config), config).weights_bytes
    # embedding and head 259 x 64 each; per layer of two: q and o 64 x 64, k and v 32 x 64, three
    # of 96 x 64, two norms of 64; the last norm
    elements = 2 * 259 * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64 + 2 * 64) + 64
    assert sizes == {"float32": 4 * elements, "bfloat16": 2 * elements}


def test_activations_that_do_not_fit_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 2 MiB the weights fit (0.4), but not the activations of a step of 4096 tokens (6)."""
    monkeypatch.setattr("max.pipelines.lib.make_pipeline.available_memory", lambda _: 2**21)
    PipelineFactory(make_config(folder, max_batch_input_tokens=256))()
    with pytest.raises(ValueError, match=r"activations [567]\.\d MiB.*--max-batch-input-tokens"):
        PipelineFactory(make_config(folder, max_batch_input_tokens=4096))()


def test_what_cannot_fit_is_refused_before_the_weights_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("max.pipelines.lib.make_pipeline.available_memory", lambda _: 2**18)
    monkeypatch.setattr("max.pipelines.lib.make_pipeline.make_model", pytest.fail)
    with pytest.raises(ValueError, match=r"weights 370\.8 KiB"):
        PipelineFactory(make_config(folder))()


def test_format_without_an_adapter(folder: Path) -> None:
    config = make_config(folder)
    PIPELINE_REGISTRY.resolve(config)
    only_gguf = replace(
        llama_arch, weight_adapters={WeightsFormat.gguf: convert_safetensor_state_dict}
    )
    with pytest.raises(ValueError, match=r"no weight adapter for safetensors.*it has: gguf"):
        make_model(only_gguf, config, ReturnLogits.LAST_TOKEN)


def test_a_model_without_a_cache_cannot_generate(folder: Path) -> None:
    class Stateless(PipelineModel):
        def execute(self, model_inputs: object) -> object:  # type: ignore[override]
            return model_inputs

    config = make_config(folder)
    PIPELINE_REGISTRY.resolve(config)
    with pytest.raises(TypeError, match="must be a subclass of PipelineModelWithKVCache"):
        plan_memory(replace(llama_arch, pipeline_model=Stateless), config)


def test_weights_are_counted_under_the_names_that_the_model_gives_them(tmp_path: Path) -> None:
    """What a weight is quantized to depends on its name in the model, not in the checkpoint."""
    folder = make_checkpoint(
        replace(WIDE_MODELS["tiny-llama-wide"], tie_word_embeddings=False), tmp_path / "model"
    )
    config = make_config(folder, quantization_encoding="q4_k")
    expected = plan_memory(PIPELINE_REGISTRY.resolve(config), config).weights_bytes
    theirs = {"lm_head": "output", "layers": "h", "v_proj": "value", "down_proj": "c_proj"}
    file = folder / "model.safetensors"

    def renamed(name: str, names: Mapping[str, str]) -> str:
        return ".".join(names.get(part, part) for part in name.split("."))

    weights = {renamed(name, theirs): tensor for name, tensor in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    ours = {their: our for our, their in theirs.items()}

    def adapter(state_dict: Mapping[str, Any], **unused: Any) -> dict[str, Any]:
        return convert_safetensor_state_dict(
            {renamed(name, ours): value for name, value in state_dict.items()}
        )

    mine = replace(llama_arch, weight_adapters={WeightsFormat.safetensors: adapter})
    assert plan_memory(mine, config).weights_bytes == expected


# Each takes a tenth of a second of every start, and more.
_NOT_NEEDED = ("transformers", "triton", "torch.distributed.tensor", "torch._dynamo.eval_frame")
# Views of unknown sizes, which torch makes for norms of heads, ask for it.
_NEEDED_BY_VIEWS = ("torch.distributed.tensor",)


@pytest.mark.parametrize("model", ["tiny-llama", "tiny-qwen2", "tiny-qwen3", "tiny-granite"])
def test_a_usual_model_is_made_without_what_only_others_need(tmp_path: Path, model: str) -> None:
    program = (
        "import sys\n"
        "from max.pipelines.config import PipelineConfig\n"
        "from max.pipelines.lib.registry import PipelineFactory\n"
        "config = PipelineConfig.from_flat_kwargs(model_path=sys.argv[1], max_batch_size=2)\n"
        "PipelineFactory(config)()\n"
        f"print([name for name in {_NOT_NEEDED} if name in sys.modules])"
    )
    folder = make_checkpoint(TINY_MODELS[model], tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True
    )
    found = set(ast.literal_eval(done.stdout))
    assert found <= ({*_NEEDED_BY_VIEWS} if model == "tiny-qwen3" else set()), done.stderr
