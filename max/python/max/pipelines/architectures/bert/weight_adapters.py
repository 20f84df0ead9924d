"""Names of a BERT checkpoint's weights, as the model has them."""

from max.graph.weights.renames import Renames

# What only makes words or classes of the vectors is left out.
convert_safetensor_state_dict = Renames(
    {
        "bert.": "",
        "encoder.": "",
        "embeddings.word_embeddings": "embed_tokens",
        "embeddings.position_embeddings": "embed_positions",
        "embeddings.token_type_embeddings": "embed_types",
        "embeddings.LayerNorm": "embed_norm",
        "layer": "layers",
        "attention.self.query": "self_attn.q_proj",
        "attention.self.key": "self_attn.k_proj",
        "attention.self.value": "self_attn.v_proj",
        "attention.output.dense": "self_attn.o_proj",
        "attention.output.LayerNorm": "attention_norm",
        "intermediate.dense": "mlp.up_proj",
        "output.dense": "mlp.down_proj",
        "output.LayerNorm": "mlp_norm",
        "gamma": "weight",  # of older files
        "beta": "bias",
    },
    dropped=("pooler", "cls", "position_ids"),
)
convert_gguf_state_dict = Renames(
    {
        "token_embd": "embed_tokens",
        "position_embd": "embed_positions",
        "token_types": "embed_types",
        "token_embd_norm": "embed_norm",
        "blk": "layers",
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "attn_output_norm": "attention_norm",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
        "layer_output_norm": "mlp_norm",
    },
    dropped=("cls",),
)
