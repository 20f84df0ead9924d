"""Names of the weights of decoders with experts, as most families' checkpoints have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from max.graph import Shape
from max.graph.weights.renames import COMPUTED_TABLES, Renames
from max.nn.moe import stack_experts
from max.pipelines.lib.decoder_weights import GGUF_NAMES, SAFETENSORS_NAMES

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from max.graph.weights import WeightData, Weights

# Parts of Hugging Face's names -> ours.
SAFETENSORS_EXPERT_NAMES = {
    **SAFETENSORS_NAMES,
    "block_sparse_moe": "mlp",
    "block_sparse_moe.gate": "mlp.router",
    "mlp.gate": "mlp.router",
    "mlp.gate.e_score_correction_bias": "mlp.correction",
    "mlp.shared_experts": "mlp.shared_expert",
    "w1": "gate_proj",
    "w2": "down_proj",
    "w3": "up_proj",
}
# Parts of GGUF's names -> ours.
GGUF_EXPERT_NAMES = {
    **GGUF_NAMES,
    # The norm before the experts, in files that name it after what it follows.
    "post_attention_norm": "post_attention_layernorm",
    "exp_probs_b.bias": "mlp.correction",
    "ffn_gate_inp": "mlp.router",
    "ffn_gate_exps": "mlp.experts.gate_proj",
    "ffn_up_exps": "mlp.experts.up_proj",
    "ffn_down_exps": "mlp.experts.down_proj",
    "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
    "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
    "ffn_up_shexp": "mlp.shared_expert.up_proj",
    "ffn_down_shexp": "mlp.shared_expert.down_proj",
}
_LAYER = re.compile(r"layers\.(\d+)\.")
_SAFETENSORS = Renames(SAFETENSORS_EXPERT_NAMES)
_GGUF = Renames(GGUF_EXPERT_NAMES, (*COMPUTED_TABLES, "nextn"))


def convert_safetensors(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights and stacks the experts'; layers that only guess further tokens go."""
    return stack_experts(without_further_layers(_SAFETENSORS(state_dict), huggingface_config))


def convert_gguf(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights, of which the experts' are stacks already."""
    weights = without_further_layers(_GGUF(state_dict), huggingface_config)
    return {
        name: one_row(data) if name.endswith("shared_expert_gate.weight") else data
        for name, data in weights.items()
    }


def without_further_layers(
    weights: Mapping[str, WeightData], huggingface_config: PretrainedConfig
) -> dict[str, WeightData]:
    """The weights of the first `num_hidden_layers` layers, and those of no layer."""
    count = huggingface_config.num_hidden_layers
    return {
        name: data
        for name, data in weights.items()
        if (found := _LAYER.match(name)) is None or int(found[1]) < count
    }


def one_row(data: WeightData) -> WeightData:
    """A vector [in] as the matrix [1, in] of a layer of one output."""
    if len(data.shape) != 1:
        return data

    shape = Shape([1, *data.shape])
    return data.derived(lambda: data.to_buffer().tensor[None], data.dtype, shape)
