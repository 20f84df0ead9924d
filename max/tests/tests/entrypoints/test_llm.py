"""Generation from Python."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from max.entrypoints.llm import LLM
from max.pipelines.config import PipelineConfig


@pytest.fixture(scope="module")
def llm(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> LLM:
    """A model that recommends greedy decoding."""
    folder = tmp_path_factory.mktemp("greedy") / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "generation_config.json").write_text('{"do_sample": false}')
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder), devices="cpu", max_length=64, max_batch_size=2
    )
    return LLM(config)


def test_prompts_are_answered_in_order(llm: LLM) -> None:
    prompts = ["one", "two, and longer", "three"]
    together = llm.generate(prompts, max_new_tokens=5, use_tqdm=False)
    assert together == [llm.generate(p, max_new_tokens=5, use_tqdm=False)[0] for p in prompts]
    assert len(set(together)) == 3


def test_max_new_tokens(llm: LLM) -> None:
    # A byte-level tokenizer: a token is at most one character.
    [short] = llm.generate("one", max_new_tokens=2, use_tqdm=False)
    [long] = llm.generate("one", max_new_tokens=12, use_tqdm=False)
    assert len(short) <= 2 < len(long) <= 12


def test_progress_bar(llm: LLM, capsys: pytest.CaptureFixture[str]) -> None:
    llm.generate(["one", "two"], max_new_tokens=2)
    assert "2/2" in capsys.readouterr().err


def test_no_prompts(llm: LLM) -> None:
    assert llm.generate([], use_tqdm=False) == []


def test_inside_a_running_event_loop(llm: LLM) -> None:
    async def cell() -> list[str]:
        return llm.generate("one", max_new_tokens=5, use_tqdm=False)

    assert asyncio.run(cell()) == llm.generate("one", max_new_tokens=5, use_tqdm=False)
