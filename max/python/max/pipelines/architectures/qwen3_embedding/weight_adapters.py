"""Names of a Qwen3 embedder's weights, as the model has them."""

from max.graph.weights.renames import COMPUTED_TABLES, Renames
from max.pipelines.architectures.llama3.weight_adapters import LLAMA_SAFETENSOR_MAPPING
from max.pipelines.architectures.qwen3.weight_adapters import QWEN3_GGUF_MAPPING

# The head, which some files have, is left out.
convert_safetensor_state_dict = Renames(
    LLAMA_SAFETENSOR_MAPPING, dropped=(*COMPUTED_TABLES, "lm_head")
)
convert_gguf_state_dict = Renames(QWEN3_GGUF_MAPPING, dropped=(*COMPUTED_TABLES, "output"))
