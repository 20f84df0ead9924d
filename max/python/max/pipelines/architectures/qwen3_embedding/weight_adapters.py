"""Names of a Qwen3 embedder's weights, as the model has them."""

from max.graph.weights.renames import COMPUTED_TABLES, Renames
from max.pipelines.lib.decoder_weights import GGUF_NAMES, SAFETENSORS_NAMES

# The head, which some files have, is left out.
convert_safetensor_state_dict = Renames(SAFETENSORS_NAMES, dropped=(*COMPUTED_TABLES, "lm_head"))
convert_gguf_state_dict = Renames(GGUF_NAMES, dropped=(*COMPUTED_TABLES, "output"))
