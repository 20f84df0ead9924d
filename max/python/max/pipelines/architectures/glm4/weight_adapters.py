"""Names of a GLM 4 checkpoint's weights, as the model has them."""

from max.pipelines.lib.decoder_weights import (
    GGUF_SANDWICH_NAMES,
    SAFETENSORS_NAMES,
    SplitRenames,
)

convert_safetensors = SplitRenames(
    {
        **SAFETENSORS_NAMES,
        "post_self_attn_layernorm": "post_attention_layernorm",
        "post_attention_layernorm": "pre_feedforward_layernorm",
        "post_mlp_layernorm": "post_feedforward_layernorm",
    }
)
convert_gguf = SplitRenames({**GGUF_SANDWICH_NAMES, "ffn_up": "mlp.gate_up_proj"})
