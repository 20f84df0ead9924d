"""Names of a Phi 3 checkpoint's weights, as the model has them."""

from max.pipelines.lib.decoder_weights import GGUF_NAMES, SAFETENSORS_NAMES, SplitRenames

convert_safetensors = SplitRenames(SAFETENSORS_NAMES)
convert_gguf = SplitRenames({**GGUF_NAMES, "ffn_up": "mlp.gate_up_proj"})
