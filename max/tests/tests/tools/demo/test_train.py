"""Training: reproducible, weighted, saved in a form that others can read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from max.demo import model_path
from tools.demo.corpus import Batch
from tools.demo.train import (
    PEAK_LEARNING_RATE,
    WARM_UP_STEPS,
    TrainingOptions,
    learning_rate,
    make_config,
    save,
    train,
    weighted_loss,
)


@pytest.fixture(autouse=True)
def restored_torch_settings() -> Iterator[None]:
    """Puts back the settings that training changes for the process."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    loaded = AutoTokenizer.from_pretrained(model_path())
    assert isinstance(loaded, PreTrainedTokenizerFast)
    return loaded


def test_training_is_reproducible_and_goes_on_from_what_was_saved(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    options = TrainingOptions(seed=7, steps=2, threads=1)
    first, second = train(tokenizer, options), train(tokenizer, options)
    weights = first.state_dict()
    for name, weight in second.state_dict().items():
        assert torch.equal(weight, weights[name]), name

    save(first, tokenizer, tmp_path)
    loaded = LlamaForCausalLM.from_pretrained(tmp_path)
    assert loaded.dtype == torch.bfloat16
    assert loaded.generation_config.do_sample is False
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name].bfloat16()), name

    unchanged = train(tokenizer, options._replace(steps=0), initial=tmp_path)
    for name, weight in unchanged.state_dict().items():
        assert torch.equal(weight, loaded.state_dict()[name].float()), name


def test_learning_rate_rises_and_falls_to_zero() -> None:
    options = TrainingOptions(steps=1000)
    rates = [learning_rate(step, options) for step in range(options.steps + 1)]
    assert max(rates) == rates[WARM_UP_STEPS] == PEAK_LEARNING_RATE
    assert rates[: WARM_UP_STEPS + 1] == sorted(rates[: WARM_UP_STEPS + 1])
    assert rates[WARM_UP_STEPS:] == sorted(rates[WARM_UP_STEPS:], reverse=True)
    assert rates[-1] == pytest.approx(0.0)


def test_loss_counts_each_token_by_its_weight(tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(make_config(tokenizer))
    tokens = torch.randint(0, len(tokenizer), (1, 12))
    alone = []
    for position in (4, 9):
        weights = torch.zeros(1, 12)
        weights[0, position] = 1.0
        alone.append(weighted_loss(model, Batch(tokens, weights)).item())
    weights = torch.zeros(1, 12)
    weights[0, 4], weights[0, 9] = 3.0, 1.0
    together = weighted_loss(model, Batch(tokens, weights)).item()
    assert together == pytest.approx((3 * alone[0] + alone[1]) / 4, rel=1e-5)
