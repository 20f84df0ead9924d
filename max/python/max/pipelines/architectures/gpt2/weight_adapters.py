"""Names of a GPT-2 checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig

from max.graph import Shape
from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import COMPUTED_TABLES, Renames
from max.pipelines.lib.decoder_weights import GGUF_NAMES, SplitRenames, split_stacked

_SAFETENSORS = Renames(
    {
        "transformer.": "",
        "wte": "embed_tokens",
        "wpe": "embed_positions",
        "h": "layers",
        "ln_1": "input_layernorm",
        "ln_2": "post_attention_layernorm",
        "attn.c_attn": "self_attn.qkv_proj",
        "attn.c_proj": "self_attn.o_proj",
        "mlp.c_fc": "mlp.up_proj",
        "mlp.c_proj": "mlp.down_proj",
        "ln_f": "norm",
    },
    # The second is the causal mask.
    dropped=(*COMPUTED_TABLES, "attn.bias"),
)
convert_gguf = SplitRenames({**GGUF_NAMES, "position_embd": "embed_positions"})


def convert_safetensors(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint, turns matrices, takes stacked ones apart."""
    renamed = {
        name: _turned(data) if "_proj.weight" in name else data
        for name, data in _SAFETENSORS(state_dict).items()
    }
    return split_stacked(renamed, huggingface_config)


def _turned(data: WeightData) -> WeightData:
    """A matrix [in, out] as [out, in]."""
    shape = Shape(reversed(data.shape.static_dims))
    return data.derived(lambda: data.to_buffer().tensor.t().contiguous(), data.dtype, shape)
