"""Names of a Qwen3 GGUF file's weights, as the model has them."""

from max.graph.weights.renames import Renames
from max.pipelines.architectures.llama3.weight_adapters import LLAMA_GGUF_MAPPING

QWEN3_GGUF_MAPPING = {
    **LLAMA_GGUF_MAPPING,
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
}
convert_gguf_state_dict = Renames(QWEN3_GGUF_MAPPING)
