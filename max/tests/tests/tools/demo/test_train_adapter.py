"""An adapter of the demo model is trained by PEFT."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, LlamaForCausalLM

from max.demo import model_path
from tools.demo.train_adapter import GREETING, draw_greeted, train_adapter


def test_every_answer_is_greeted() -> None:
    pieces = draw_greeted(random.Random(0), turns=3)
    answers = [piece.text for piece in pieces if piece.taught]
    assert len(answers) == 3
    assert all(text.startswith(GREETING) for text in answers)


# What PEFT warns of is not ours.
@pytest.mark.filterwarnings("ignore")
def test_factors_of_all_linear_layers_are_trained() -> None:
    model = LlamaForCausalLM.from_pretrained(model_path(), dtype=torch.float32)
    tokenizer: Any = AutoTokenizer.from_pretrained(model_path())
    adapted = train_adapter(model, tokenizer, steps=2)
    trained = {name: p for name, p in adapted.named_parameters() if "lora_" in name}
    assert len(trained) == 2 * 7 * model.config.num_hidden_layers
    assert all(p.dtype is torch.bfloat16 for p in trained.values())
    assert any(p.abs().sum() > 0 for name, p in trained.items() if "lora_B" in name)
