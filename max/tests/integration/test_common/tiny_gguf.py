"""Turns a small Hugging Face checkpoint into a GGUF file, as llama.cpp's converter would.

The `gguf` package writes the file, so that our reader is held against somebody else's writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file

from integration.test_common.random_blocks import random_weight
from max.graph.quantization import (
    BLOCK_ENCODINGS,
    QuantizationEncoding,
    encoding_of_file_type,
)
from max.kernels.quantize_rows import quantize_rows

# Hugging Face's name -> GGUF's, as replacements in this order.
_NAMES = {
    "model.": "",
    "layers.": "blk.",
    "embed_tokens": "token_embd",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "mlp.gate_proj": "ffn_gate",
}
_FILE_TYPES = {
    "float32": gguf.LlamaFileType.ALL_F32,
    "float16": gguf.LlamaFileType.MOSTLY_F16,
    "bfloat16": gguf.LlamaFileType.MOSTLY_BF16,
    **{
        e.value: next(t for t in gguf.LlamaFileType if encoding_of_file_type(int(t)) is e)
        for e in BLOCK_ENCODINGS
    },
    "q4_k": gguf.LlamaFileType.MOSTLY_Q4_K_M,
    "q5_k": gguf.LlamaFileType.MOSTLY_Q5_K_M,
}
# Whose queries and keys the converter permutes.
_PERMUTED = ("granite", "granitemoe", "llama")
_Type = gguf.GGMLQuantizationType
# Gives the encoding of a tensor, by its GGUF name and the file's encoding.
Recipe = Callable[[str, str], str]


def as_people_have_them(name: str, encoding: str) -> str:
    """Q4_K_M and Q5_K_M: some tensors, among them the head, have the larger Q6_K."""
    larger = ("token_embd", "output.", "attn_v", "ffn_down")
    is_mixed = encoding in ("q4_k", "q5_k") and name.startswith("blk.1.")
    if encoding in ("q4_k", "q5_k") and name.startswith(larger[:2]):
        return "q6_k"
    return "q6_k" if is_mixed and any(part in name for part in larger[2:]) else encoding


def write_gguf(
    checkpoint: Path,
    path: Path,
    encoding: str = "float32",
    *,
    recipe: Recipe = as_people_have_them,
    tokenizer_pre: str | None = "qwen2",
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a checkpoint as one GGUF file.

    Args:
        checkpoint: a folder with config.json, safetensors and tokenizer.json.
        path: the file to write.
        encoding: of the matrices; rows that are no whole blocks get Q8_0 or F16.
        recipe: the encoding of each matrix.
        tokenizer_pre: `tokenizer.ggml.pre`; None leaves the tokenizer out.
        metadata: further entries, or others than usual: text, numbers, booleans.

    Returns:
        The file.
    """
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(path, config["model_type"])
    _add_sizes(writer, config)
    writer.add_file_type(_FILE_TYPES[encoding])
    if tokenizer_pre is not None:
        add_tokenizer(writer, checkpoint, tokenizer_pre)
    adders: Mapping[type, Callable[[str, Any], None]] = {
        str: writer.add_string,
        bool: writer.add_bool,
        int: writer.add_uint32,
        float: writer.add_float32,
    }
    for key, value in (metadata or {}).items():
        adders[type(value)](key, value)
    for name, tensor in _tensors(checkpoint, config).items():
        _add_tensor(writer, name, tensor, recipe(name, encoding))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def permuted(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of queries or keys in the order of the original Llama: pairs stand side by side."""
    halves = rows.reshape(heads, 2, -1, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def _add_sizes(writer: gguf.GGUFWriter, config: Mapping[str, Any]) -> None:
    rope = config.get("rope_parameters") or {}
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_name("tiny")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope.get("rope_theta") or config.get("rope_theta", 10000.0))
    writer.add_vocab_size(config["vocab_size"])
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    if config["model_type"] in ("granite", "granitemoe"):
        writer.add_attention_scale(config["attention_multiplier"])
        writer.add_embedding_scale(config["embedding_multiplier"])
        writer.add_residual_scale(config["residual_multiplier"])
        writer.add_logit_scale(config["logits_scaling"])
    if rope.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])


def _tensors(checkpoint: Path, config: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for file in sorted(checkpoint.glob("*.safetensors")):
        for name, tensor in load_file(file).items():
            if config["model_type"] in _PERMUTED:
                if "q_proj" in name:
                    tensor = permuted(tensor, config["num_attention_heads"])
                if "k_proj" in name:
                    tensor = permuted(tensor, config["num_key_value_heads"])
            tensors[gguf_name(name)] = tensor
    if (config.get("rope_parameters") or {}).get("rope_type") == "llama3":
        tensors["rope_freqs.weight"] = llama3_factors(config)
    return tensors


def llama3_factors(config: Mapping[str, Any]) -> torch.Tensor:
    """What Llama 3.1's frequencies are divided by, as llama.cpp's converter computes it."""
    rope = config["rope_parameters"]
    dim = config["head_dim"]
    plain = 1.0 / rope["rope_theta"] ** (torch.arange(0, dim, 2).float() / dim)
    low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
    high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
    factors = []
    for wavelength in (2 * torch.pi / plain).tolist():
        if wavelength < high:
            factors.append(1.0)
        elif wavelength > low:
            factors.append(rope["factor"])
        else:
            smooth = rope["original_max_position_embeddings"] / wavelength
            smooth -= rope["low_freq_factor"]
            smooth /= rope["high_freq_factor"] - rope["low_freq_factor"]
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return torch.tensor(factors, dtype=torch.float32)


def _add_tensor(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor, encoding: str) -> None:
    if tensor.ndim == 1 or encoding == "float32":
        writer.add_tensor(name, tensor.float().numpy())
        return
    kind = QuantizationEncoding(encoding)
    if tensor.shape[-1] % kind.elements_per_block:
        is_blocks = tensor.shape[-1] % 32 == 0
        kind = QuantizationEncoding.Q8_0 if is_blocks else QuantizationEncoding.F16
    if kind is QuantizationEncoding.F16:
        writer.add_tensor(name, tensor.to(torch.float16).numpy())
        return
    ggml_type = gguf.GGMLQuantizationType[kind.name]
    writer.add_tensor(name, _packed(tensor, kind), raw_dtype=ggml_type)


def _packed(tensor: torch.Tensor, kind: QuantizationEncoding) -> npt.NDArray[np.uint8]:
    if kind is QuantizationEncoding.BF16:
        return np.asarray(tensor.to(torch.bfloat16).view(torch.uint8))
    if kind.is_made:
        return np.asarray(quantize_rows(tensor.float(), kind))
    if kind is QuantizationEncoding.MXFP4:
        return np.asarray(gguf.quants.quantize(tensor.float().numpy(), _Type.MXFP4))
    # What nobody here makes has numbers of its own.
    return np.asarray(random_weight(len(tensor), tensor.shape[-1], kind))


def add_tokenizer(writer: gguf.GGUFWriter, checkpoint: Path, pre: str) -> None:
    """Puts a byte-level BPE tokenizer into the file, as llama.cpp's converter does."""
    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text(encoding="utf-8"))
    settings = json.loads((checkpoint / "tokenizer_config.json").read_text(encoding="utf-8"))
    specials = {t["content"]: t["id"] for t in tokenizer["added_tokens"]}
    ids: dict[str, int] = {**tokenizer["model"]["vocab"], **specials}
    tokens: Sequence[str] = sorted(ids, key=lambda token: ids[token])
    merges = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if token in specials else normal for token in tokens])
    if merges:
        writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(ids[settings["bos_token"]])
    writer.add_eos_token_id(ids[settings["eos_token"]])
    writer.add_add_bos_token(True)
    template_file = checkpoint / "chat_template.jinja"
    template = settings.get("chat_template")
    if template_file.is_file():
        template = template_file.read_text(encoding="utf-8")
    if template:
        writer.add_chat_template(template)


def write_dequantized(gguf_file: Path, checkpoint: Path, folder: Path) -> Path:
    """The reference of a GGUF file: the checkpoint it was made of, with the file's own numbers.

    The `gguf` package reads and decodes them, so that what is compared is not our own decoding.

    Args:
        gguf_file: from `write_gguf`.
        checkpoint: what it was made of.
        folder: created; must not exist.

    Returns:
        The folder.
    """
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    ours = {theirs: name for name, theirs in _checkpoint_names(checkpoint).items()}
    weights: dict[str, torch.Tensor] = {}
    for tensor in gguf.GGUFReader(gguf_file).tensors:
        if tensor.name == "rope_freqs.weight":
            continue
        decoded = torch.tensor(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
        decoded = decoded.float().reshape(*reversed(tensor.shape.tolist()))
        name = ours[tensor.name]
        if config["model_type"] in _PERMUTED and ("q_proj" in name or "k_proj" in name):
            heads = config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
            decoded = unpermuted(decoded, heads)
        weights[name] = decoded.contiguous()
    folder.mkdir(parents=True)
    for file in checkpoint.iterdir():
        if file.suffix in (".json", ".jinja") and "index" not in file.name:
            (folder / file.name).write_bytes(file.read_bytes())
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def unpermuted(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """The reverse of `permuted`."""
    pairs = rows.reshape(heads, -1, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def gguf_name(name: str) -> str:
    """The name in GGUF files of a weight by Hugging Face's name."""
    for theirs, ours in _NAMES.items():
        name = name.replace(theirs, ours)
    # Only the final norm's name is left as it was.
    return "output_norm.weight" if name == "norm.weight" else name


def _checkpoint_names(checkpoint: Path) -> dict[str, str]:
    files = sorted(checkpoint.glob("*.safetensors"))
    return {name: gguf_name(name) for file in files for name in load_file(file)}
