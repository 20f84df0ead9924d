"""Turns a tiny embedder's checkpoint into a GGUF file, as llama.cpp's converters do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import gguf
from safetensors.torch import load_file

from integration.test_common.tiny_gguf import add_tokenizer

_ARCHITECTURES: Mapping[str, gguf.MODEL_ARCH] = {
    "bert": gguf.MODEL_ARCH.BERT,
    "modernbert": gguf.MODEL_ARCH.MODERN_BERT,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}


def write_embedder_gguf(checkpoint: Path, path: Path, pooling: gguf.PoolingType) -> Path:
    """Writes a checkpoint of `make_embedder` as one GGUF file in float32; none of MPNet, which
    llama.cpp does not know."""
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    arch = _ARCHITECTURES[config["model_type"]]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_pooling_type(pooling)
    if arch is gguf.MODEL_ARCH.QWEN3:
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_key_length(config["head_dim"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    else:
        writer.add_causal_attention(False)
        writer.add_layer_norm_eps(config.get("norm_eps") or config["layer_norm_eps"])
    if arch is gguf.MODEL_ARCH.MODERN_BERT:
        ropes = config["rope_parameters"]
        writer.add_rope_freq_base(ropes["full_attention"]["rope_theta"])
        writer.add_rope_freq_base_swa(ropes["sliding_attention"]["rope_theta"])
        writer.add_sliding_window(config["local_attention"])
        writer.add_sliding_window_pattern(3)
    add_tokenizer(writer, checkpoint, "gpt-2")
    known = gguf.get_tensor_name_map(arch, config["num_hidden_layers"])
    for theirs, tensor in load_file(checkpoint / "model.safetensors").items():
        stem, _, kind = theirs.rpartition(".")
        if stem == "pooler.dense":
            continue
        name = known.get_name(stem) or known.get_name(f"model.{stem}")
        writer.add_tensor(f"{name}.{kind}", tensor.contiguous().float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
