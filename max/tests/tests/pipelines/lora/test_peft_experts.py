"""Adapters of experts' matrices become stacks, or are refused."""

from __future__ import annotations

import pytest
import torch

from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.peft_config import PeftConfig
from max.pipelines.lora.peft_experts import stack_expert_layers
from max.pipelines.lora.peft_layer import PeftLayer

EXPERTS, RANK, INPUTS, OUTPUTS = 3, 2, 5, 4
MODULE = "model.layers.0.mlp.experts"


def make_config(*target_parameters: str) -> PeftConfig:
    patterns = {r".*\.gate_up_proj": 2 * RANK}
    alphas = {r".*\.gate_up_proj": 12.0}
    return PeftConfig(RANK, 2.0, patterns, alphas, False, target_parameters)


def make_wrapped(rank: int) -> PeftLayer:
    return PeftLayer(torch.randn(EXPERTS * rank, INPUTS), torch.randn(OUTPUTS, rank * EXPERTS))


def test_nested_layers_are_a_module_s_parameters() -> None:
    inner, outer = make_wrapped(2 * RANK), make_wrapped(RANK)
    given = {f"{MODULE}.base_layer": inner, MODULE: outer, "model.layers.0.mlp.gate": outer}
    config = make_config("gate_up_proj", "mlp.experts.down_proj")
    found = stack_expert_layers(given, config)
    assert found.keys() == {
        f"{MODULE}.gate_up_proj",
        f"{MODULE}.down_proj",
        "model.layers.0.mlp.gate",
    }
    assert found[f"{MODULE}.gate_up_proj"].scale == 3 and found[f"{MODULE}.down_proj"].scale == 1
    stacked = found[f"{MODULE}.gate_up_proj"]
    assert stacked.a is not None and stacked.b is not None
    # As `ParamWrapper.get_delta_weight` of PEFT has it.
    a = inner.a.reshape(EXPERTS, -1, INPUTS) if inner.a is not None else None
    b = inner.b.reshape(OUTPUTS, -1, EXPERTS) if inner.b is not None else None
    delta = torch.einsum("ore,eri->eoi", b, a)
    torch.testing.assert_close(stacked.b @ stacked.a, delta)


def test_a_single_parameter_is_the_one_that_the_configuration_names() -> None:
    given = {MODULE: make_wrapped(RANK)}
    assert stack_expert_layers(given, make_config("mlp.experts.down_proj")).keys() == {
        f"{MODULE}.down_proj"
    }


@pytest.mark.parametrize(
    ("targets", "layers", "message"),
    [
        ((), {MODULE: make_wrapped(RANK)}, "does not tell of what parameter"),
        (("gate_up_proj_bias",), {MODULE: make_wrapped(RANK)}, "'gate_up_proj_bias'"),
        (("down_proj",), {MODULE: make_wrapped(1)}, f"the rank of that parameter is {RANK}"),
        (
            (),
            {f"{MODULE}.1.w1": make_wrapped(1)},
            r"no tensors for '.*experts\.w1' of the experts \[0\]",
        ),
        (
            (),
            {f"{MODULE}.{e}.w1": PeftLayer(torch.ones(1, 5), torch.ones(4, 1), e) for e in (0, 1)},
            "scales",
        ),
        (
            (),
            {
                f"{MODULE}.0.w1": PeftLayer(
                    torch.ones(1, 5), torch.ones(4, 1), magnitude=torch.ones(4)
                )
            },
            "of experts nothing else",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    targets: tuple[str, ...], layers: dict[str, PeftLayer], message: str
) -> None:
    with pytest.raises(AdapterError, match=message):
        stack_expert_layers(layers, make_config(*targets))
