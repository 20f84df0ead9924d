"""Layers against torch and transformers."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from max import nn
from max.dtype import DType
from max.graph import DeviceRef, TensorValue, ops

CPU = DeviceRef.CPU()


def load_random(module: nn.Module) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    state = {
        name: torch.randn(weight.shape.static_dims)
        for name, weight in module.raw_state_dict().items()
    }
    module.load_state_dict(state)
    return state


def assert_close(got: object, want: torch.Tensor) -> None:
    np.testing.assert_allclose(np.from_dlpack(got), want.numpy(), rtol=1e-5, atol=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_tanh", "relu", "tanh", "sigmoid"])
def test_mlp(name: str) -> None:
    mlp = nn.MLP(DType.float32, None, 6, 9, [CPU], has_bias=True, activation_function=name)
    state, x = load_random(mlp), torch.randn(3, 6)
    functions: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "silu": torch.nn.functional.silu,
        "gelu": torch.nn.functional.gelu,
        "gelu_tanh": lambda t: torch.nn.functional.gelu(t, approximate="tanh"),
        "relu": torch.relu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
    }

    def linear(layer: str, t: torch.Tensor) -> torch.Tensor:
        return t @ state[f"{layer}.weight"].T + state[f"{layer}.bias"]

    hidden = functions[name](linear("gate_proj", x)) * linear("up_proj", x)
    assert_close(mlp(ops.constant(x)), linear("down_proj", hidden))


def test_an_mlp_with_a_limit() -> None:
    mlp = nn.MLP(DType.float32, None, 6, 9, [CPU], swiglu_limit=0.5)
    state, x = load_random(mlp), 3 * torch.randn(4, 6)
    gate, up = (x @ state[f"{name}_proj.weight"].T for name in ("gate", "up"))
    assert gate.max() > 0.5
    hidden = torch.nn.functional.silu(gate.clamp(max=0.5)) * up.clamp(-0.5, 0.5)
    assert_close(mlp(ops.constant(x)), hidden @ state["down_proj.weight"].T)


def test_unknown_activation_function_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'swish2'; known: silu, gelu"):
        nn.MLP(DType.float32, None, 6, 9, [CPU], activation_function="swish2")


def test_an_mlp_has_its_activation_as_a_function() -> None:
    mlp = nn.MLP(DType.float32, None, 6, 9, [CPU], activation_function="gelu_new")
    x = torch.randn(3)
    want = torch.nn.functional.gelu(x, approximate="tanh")
    assert_close(mlp.activation_function(ops.constant(x)), want)


def test_plain_mlp() -> None:
    mlp = nn.PlainMLP(6, 9, DType.float32, [CPU], "relu2", has_bias=True)
    state, x = load_random(mlp), torch.randn(3, 6)
    hidden = torch.relu(x @ state["up_proj.weight"].T + state["up_proj.bias"]) ** 2
    want = hidden @ state["down_proj.weight"].T + state["down_proj.bias"]
    assert_close(mlp(ops.constant(x)), want)


def test_a_layer_norm_without_weights_computes_in_its_dtype() -> None:
    norm, x = nn.ConstantLayerNorm(5, eps=1e-3), torch.randn(2, 5).bfloat16()
    assert not norm.raw_state_dict()
    want = torch.nn.functional.layer_norm(x.float(), (5,), eps=1e-3).bfloat16()
    got = norm(ops.constant(x))
    assert got.dtype is DType.bfloat16
    assert torch.equal(got.data, want)
    coarse = nn.ConstantLayerNorm(5, dtype=DType.bfloat16, eps=1e-3)(ops.constant(x.float()))
    assert torch.equal(coarse.data, want.float())


def test_angles_that_a_package_overrides_are_heard() -> None:
    class Half(nn.RotaryEmbedding):
        @property
        def freqs_cis(self) -> TensorValue:
            return super().freqs_cis * 0.5

    plain, half = nn.RotaryEmbedding(8, 2, 10000.0, 6), Half(8, 2, 10000.0, 6)
    assert_close(half.table(CPU), plain.table(CPU).data / 2)
    own = ops.constant(torch.ones(6, 2, 2))
    assert_close(nn.RotaryEmbedding(8, 2, 10000.0, 6, _freqs_cis=own).table(CPU), own.data)


def test_embedding() -> None:
    embedding = nn.Embedding(7, 3, DType.float32, CPU)
    state = load_random(embedding)
    indices = torch.tensor([[6, 0], [2, 2]])
    assert_close(embedding(ops.constant(indices)), state["weight"][indices])


def test_layer_norm_without_bias_has_one_weight() -> None:
    norm = nn.LayerNorm(dims=5, eps=1e-3, use_bias=False)
    state, x = load_random(norm), torch.randn(2, 5)
    assert list(state) == ["weight"]
    want = torch.nn.functional.layer_norm(x, (5,), state["weight"], None, 1e-3)
    assert_close(norm(ops.constant(x)), want)


def test_rms_norm() -> None:
    norm = nn.RMSNorm(5, DType.float32, eps=1e-3)
    state, x = load_random(norm), torch.randn(2, 5)
    want = torch.nn.functional.rms_norm(x, (5,), state["weight"], 1e-3)
    assert_close(norm(ops.constant(x)), want)
    assert nn.RMSNorm(dims=5).raw_state_dict()["weight"].shape == [5]
    with pytest.raises(TypeError, match="takes dim or dims, one of them; got None and None"):
        nn.RMSNorm()


def test_an_argument_of_later_releases_is_refused_not_dropped() -> None:
    with pytest.raises(NotImplementedError, match=r"Linear: .*quant_config='fp8'"):
        nn.Linear(2, 2, DType.float32, CPU, quant_config="fp8")
    with pytest.raises(NotImplementedError, match=r"Linear: .*clip_weight=1.0"):
        nn.Linear(2, 2, DType.float32, CPU, clip_weight=1.0)


def test_a_layer_list_cannot_be_called() -> None:
    layers = nn.LayerList([nn.Linear(2, 2, DType.float32, CPU)])
    layers.append(nn.Linear(2, 3, DType.float32, CPU))
    assert list(layers.raw_state_dict()) == ["0.weight", "1.weight"]
    assert len(layers) == 2 and layers[1] is list(layers)[1]
    with pytest.raises(TypeError, match="use Sequential"):
        layers(1)


def test_queries_and_keys_are_normalized_alike() -> None:
    from max.nn.kv_cache import KVCacheParams

    params = KVCacheParams(DType.float32, n_kv_heads=2, head_dim=4, num_layers=1, devices=[CPU])
    attention = nn.AttentionWithRope(
        rope=nn.RotaryEmbedding(16, 4, 1e4, 8),
        num_attention_heads=4,
        num_key_value_heads=2,
        hidden_size=16,
        kv_params=params,
        use_qk_norm=True,
        rms_norm_eps=1e-3,
    )
    assert attention.q_norm.eps == attention.k_norm.eps == 1e-3


def test_heads_must_be_multiples_of_kv_heads() -> None:
    from max.nn.kv_cache import KVCacheParams

    params = KVCacheParams(DType.float32, n_kv_heads=3, head_dim=4, num_layers=1, devices=[CPU])
    with pytest.raises(ValueError, match="num_attention_heads 4 is no multiple"):
        nn.AttentionWithRope(
            rope=nn.RotaryEmbedding(16, 4, 1e4, 8),
            num_attention_heads=4,
            num_key_value_heads=3,
            hidden_size=16,
            kv_params=params,
        )
