"""Names of a Llama checkpoint's weights, as the model has them."""

from max.graph.weights.renames import Renames

# Parts of Hugging Face's names -> ours.
LLAMA_SAFETENSOR_MAPPING = {"model.": ""}

# Parts of GGUF's names -> ours.
LLAMA_GGUF_MAPPING = {
    "token_embd": "embed_tokens",
    "blk": "layers",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_norm": "post_attention_layernorm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_v": "self_attn.v_proj",
    "attn_k": "self_attn.k_proj",
    "attn_output": "self_attn.o_proj",
    "output.weight": "lm_head.weight",
    "output_norm": "norm",
}

# `model.layers.0.self_attn.q_proj.weight` -> `layers.0.self_attn.q_proj.weight`
convert_safetensor_state_dict = Renames(LLAMA_SAFETENSOR_MAPPING)
# `blk.0.attn_q.weight` -> `layers.0.self_attn.q_proj.weight`
convert_gguf_state_dict = Renames(LLAMA_GGUF_MAPPING)
