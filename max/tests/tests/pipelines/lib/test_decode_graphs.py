"""Captured decoding gives the tokens that decoding node by node gives."""

# build: size = "medium"

from __future__ import annotations

from pathlib import Path

import pytest

from integration.test_common.lora_files import write_random_adapter
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES
from max.engine import Model
from max.engine.replay.recorders import TorchCalls
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from max.pipelines.lib.decode_graphs import batch_sizes
from max.pipelines.modeling.types import TextGenerationInputs
from tests.pipelines.lib.tiny_llama import make_config, make_tiny_llama


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_llama(tmp_path_factory.mktemp("tiny") / "model")


def make_pipeline(folder: Path, **runtime: object) -> TextGenerationPipeline:
    config = make_config(folder)
    config.runtime.max_batch_size = 5
    for name, value in runtime.items():
        setattr(config.runtime, name, value)
    _, factory = PIPELINE_REGISTRY.retrieve_factory(config)
    pipeline = factory()
    assert isinstance(pipeline, TextGenerationPipeline)
    return pipeline


def generate(pipeline: TextGenerationPipeline, counts: list[int]) -> list[list[int]]:
    """Greedy tokens of requests that end one after the other, so that batches shrink."""
    contexts = [
        TextContext(
            max_length=7 + i + count,
            tokens=TokenBuffer(list(range(3, 10 + i))),
            sampling_params=SamplingParams(temperature=0.0),
        )
        for i, count in enumerate(counts)
    ]
    for ctx in contexts:
        pipeline.kv_manager.claim(ctx.request_id)
    while batch := [ctx for ctx in contexts if not ctx.is_done]:
        for ctx in batch:
            pipeline.kv_manager.alloc(ctx)
        pipeline.execute(TextGenerationInputs(batches=[batch]))
    for ctx in contexts:
        pipeline.release(ctx.request_id)
    pipeline.kv_manager.blocks.check_integrity()
    return [[int(token) for token in ctx.tokens.generated] for ctx in contexts]


def graph_of(pipeline: TextGenerationPipeline) -> Model:
    model = getattr(pipeline.pipeline_model, "model")  # noqa: B009
    assert isinstance(model, Model)
    return model


def test_captured_decoding_gives_the_same_tokens(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = [9, 4, 7]
    plain = generate(make_pipeline(folder), counts)
    monkeypatch.setattr("max.engine.session.recorder_for", lambda device: TorchCalls())
    pipeline = make_pipeline(folder)
    captures = graph_of(pipeline).captures
    assert captures is not None and captures.sizes == [1, 2, 4, 5]
    eager: list[int] = []
    run = graph_of(pipeline).replayed.__call__

    def run_and_tell(*inputs: object) -> object:
        eager.append(1)
        return run(*inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(
        type(graph_of(pipeline).replayed), "__call__", lambda _, *x: run_and_tell(*x)
    )
    assert generate(pipeline, counts) == plain
    assert len(eager) == 1  # the prompts


def test_it_can_be_turned_off_and_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"--device-graph-capture was given, but .* on cpu:0"):
        make_pipeline(folder, device_graph_capture=True)
    monkeypatch.setattr("max.engine.session.recorder_for", lambda device: TorchCalls())
    pipeline = make_pipeline(folder, device_graph_capture=False)
    captures = graph_of(pipeline).captures
    assert captures is not None and captures.sizes == []


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(1, [1]), (3, [1, 2, 3]), (4, [1, 2, 4]), (20, [1, 2, 4, 8, 16, 20])],
)
def test_sizes_of_batches(most: int, sizes: list[int]) -> None:
    assert batch_sizes(most) == sizes


def test_there_are_few_sizes() -> None:
    assert len(batch_sizes(512)) == 3 + 31 + 16 + 1


def test_adapters_come_into_slots_that_were_captured(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two adapters and one slot: each is written where the graph reads it already."""
    paths = [f"{n}={write_random_adapter(tmp_path / n, folder, seed=ord(n))}" for n in "ab"]

    def answers() -> list[list[int]]:
        config = make_config(folder, enable_lora=True, lora_paths=paths, max_num_loras=1)
        pipeline: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
        contexts = [
            TextContext(
                max_length=20,
                tokens=TokenBuffer(list(range(3, 9 + number))),
                sampling_params=SamplingParams(temperature=0.0),
                model_name=name,
            )
            for number, name in enumerate(["a", "base", "b", "a"])
        ]
        for _ in pipeline.answer(contexts):
            pass
        assert pipeline.adapters is not None and pipeline.adapters.pool.num_swaps > 0
        captures = graph_of(pipeline).captures
        assert (captures is not None) == is_captured
        assert captures is None or captures.sizes == [1, 2, 4]
        return [ctx.tokens.generated.tolist() for ctx in contexts]

    is_captured = False
    plain = answers()
    monkeypatch.setattr("max.engine.session.recorder_for", lambda device: TorchCalls())
    is_captured = True
    assert answers() == plain


def test_layers_with_windows_are_captured_with_tables_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Long enough that pages of windows are dropped, and taken by others, while graphs stay."""
    windows = cached_checkpoint(TINY_FAMILIES["tiny-gemma3"])
    counts = [60, 20, 40]
    config = make_config(windows, kv_cache_page_size=4)
    pipeline: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    assert len(pipeline.pipeline_model.kv_params.layout.tables) > 1
    plain = generate(pipeline, counts)
    monkeypatch.setattr("max.engine.session.recorder_for", lambda device: TorchCalls())
    captured: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    captures = graph_of(captured).captures
    assert captures is not None and captures.sizes
    assert generate(captured, counts) == plain
