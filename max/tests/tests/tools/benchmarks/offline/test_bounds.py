"""The bounds."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from max.engine.replay import OpTime
from tools.benchmarks.offline.bounds import arithmetic_of, flops_per_token, weight_bytes_per_step


def test_bytes_of_weights_per_step() -> None:
    ops = [
        OpTime("packed_linear", "q_proj", calls=4, seconds=1.0, nbytes=600),
        OpTime("rms_norm", "norm", calls=2, seconds=1.0, nbytes=20),
        OpTime("flash_attention_ragged", "", calls=2, seconds=1.0, nbytes=5000),
    ]
    assert weight_bytes_per_step(ops, steps=2) == 310


def test_operations_of_llama_3_2_1b() -> None:
    config = SimpleNamespace(
        hidden_size=2048,
        intermediate_size=8192,
        num_attention_heads=32,
        num_key_value_heads=8,
        num_hidden_layers=16,
        head_dim=64,
    )
    # Its 1,235.8 million weights less the embedding (128,256 x 2,048) and the norms, times two.
    norms = 33 * 2048
    assert flops_per_token(config) == 2 * (1_235_814_400 - 128_256 * 2048 - norms)
    del config.head_dim
    assert flops_per_token(config) == 2 * (1_235_814_400 - 128_256 * 2048 - norms)


def test_quantized_weights_are_multiplied_as_bytes() -> None:
    assert arithmetic_of("bfloat16") == torch.bfloat16
    assert arithmetic_of("float32") == torch.float32
    assert arithmetic_of("q4_k") == torch.int8
