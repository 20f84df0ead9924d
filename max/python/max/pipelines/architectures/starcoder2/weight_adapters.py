"""Names of a StarCoder2 checkpoint's weights, as the model has them."""

from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES

convert_safetensors = Renames({**SAFETENSORS_NAMES, "c_fc": "up_proj", "c_proj": "down_proj"})
