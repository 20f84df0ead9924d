"""Names of a ModernBERT checkpoint's weights, as the model has them."""

from max.graph.weights.renames import Renames

# What only makes words or classes of the vectors is left out.
convert_safetensor_state_dict = Renames(
    {
        "model.": "",
        "embeddings.tok_embeddings": "embed_tokens",
        "embeddings.norm": "embed_norm",
        "attn_norm": "input_layernorm",
        "attn.Wqkv": "self_attn.qkv_proj",
        "attn.Wo": "self_attn.o_proj",
        "mlp_norm": "post_attention_layernorm",
        "mlp.Wi": "mlp.gate_up_proj",
        "mlp.Wo": "mlp.down_proj",
        "final_norm": "norm",
    },
    dropped=("head", "decoder", "classifier"),
)
convert_gguf_state_dict = Renames(
    {
        "token_embd": "embed_tokens",
        "token_embd_norm": "embed_norm",
        "blk": "layers",
        "attn_norm": "input_layernorm",
        "attn_qkv": "self_attn.qkv_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_norm": "post_attention_layernorm",
        "ffn_up": "mlp.gate_up_proj",
        "ffn_down": "mlp.down_proj",
        "output_norm": "norm",
    },
    dropped=("cls",),
)
