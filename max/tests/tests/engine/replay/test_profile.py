"""The profiler of recorded programs."""

from __future__ import annotations

import torch

from max.engine.replay.profile import OpLabel, OpTime, Profiler, forget_loads, weight_label


def test_calls_of_one_kernel_on_the_same_weights_are_one_line() -> None:
    profiler = Profiler()
    profiler.start()
    labels = [OpLabel("linear", "q_proj", 100), OpLabel("add", "", 8), OpLabel("add", "", 8)]
    profiler.add(labels, [0.5, 0.25, 0.5])
    profiler.add(labels, [0.5, 0.0, 0.0])
    assert profiler.take() == [
        OpTime("linear", "q_proj", calls=2, seconds=1.0, nbytes=200),
        OpTime("add", "", calls=4, seconds=0.75, nbytes=32),
    ]
    assert profiler.take() == []


def test_off_it_has_nothing() -> None:
    profiler = Profiler()
    assert not profiler.is_on
    assert profiler.take() == []
    profiler.start()
    assert profiler.is_on
    profiler.stop()
    assert not profiler.is_on


def test_labels_are_the_same_for_all_layers() -> None:
    names = ("layers.11.mlp.gate_proj.weight", "layers.11.mlp.up_proj.weight")
    assert weight_label(names) == "gate_proj + up_proj"
    assert weight_label(("layers.0.mlp.experts.3.up_proj.weight", "constant.0")) == "up_proj"
    assert weight_label(("model.embed_tokens.weight",)) == "embed_tokens"
    assert weight_label(("0.weight",)) == "0"
    assert weight_label(("h.2.attn.c_proj.bias", "stack.3.weight")) == "c_proj.bias + stack"


def test_loads_of_experts_are_those_while_it_is_on() -> None:
    profiler, loads = Profiler(), torch.tensor([7, 7, 7])
    label = OpLabel("experts", "gate_proj", 0, loads, ("layers.2.mlp.experts.gate_proj.weight",))
    profiler.start()
    for tokens in ([2, 0, 1], [0, 0, 3]):
        forget_loads([label])
        loads += torch.tensor(tokens)
        profiler.add([label], [0.5])
    assert profiler.loads == {"layers.2.mlp": [2, 0, 4]}


def test_loads_are_counted_when_only_they_are_asked_for() -> None:
    profiler, loads = Profiler(), torch.tensor([0, 4])
    label = OpLabel("experts", "gate_proj", 0, loads, ("layers.2.mlp.experts.gate_proj.weight",))
    profiler.add_loads([label, OpLabel("add", "", 8)])
    profiler.add_loads([label])
    assert profiler.loads == {"layers.2.mlp": [0, 8]}
    assert profiler.take() == []
