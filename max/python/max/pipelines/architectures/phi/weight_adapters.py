"""Names of a Phi checkpoint's weights, as the model has them."""

from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES

convert_safetensors = Renames(
    {
        **SAFETENSORS_NAMES,
        "dense": "o_proj",
        "q_layernorm": "q_norm",
        "k_layernorm": "k_norm",
        "fc1": "up_proj",
        "fc2": "down_proj",
        "final_layernorm": "norm",
    }
)
