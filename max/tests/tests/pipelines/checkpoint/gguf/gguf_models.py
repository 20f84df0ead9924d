"""GGUF files of a model with a few tiny tensors: metadata as real files have it, zeros as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np

DEFAULTS: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 128,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 96,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.rope.dimension_count": 16,
    "llama.rope.freq_base": 500000.0,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": ["a", "b", "<|end|>"],
    "tokenizer.ggml.token_type": [1, 1, 3],
    "tokenizer.ggml.eos_token_id": 1,
}
# Name -> rows, elements of a row.
TENSORS = {"token_embd.weight": (3, 64), "output.weight": (3, 64), "blk.0.attn_q.weight": (64, 64)}


def write_model(
    path: Path,
    kind: str = "Q8_0",
    *,
    tensors: dict[str, tuple[int, ...]] | None = None,
    **changes: Any,
) -> Path:
    """Writes a file.

    Args:
        path: the file.
        kind: ggml's name of the type of all matrices.
        tensors: shapes by name; a few of a Llama model's unless given.
        changes: metadata by key, with `__` for dots; None leaves an entry out.
    """
    metadata = {**DEFAULTS, **{key.replace("__", "."): value for key, value in changes.items()}}
    writer = gguf.GGUFWriter(path, metadata.pop("general.architecture"))
    for key, value in metadata.items():
        if value is not None:
            _add(writer, key, value)
    quantization = gguf.GGMLQuantizationType[kind]
    block, size = gguf.GGML_QUANT_SIZES[quantization]
    for name, shape in (TENSORS if tensors is None else tensors).items():
        if len(shape) == 1:
            writer.add_tensor(name, np.ones(shape, np.float32))
        elif kind in ("F32", "F16"):
            writer.add_tensor(name, np.zeros(shape, np.float32 if kind == "F32" else np.float16))
        else:
            data = np.zeros((shape[0], shape[1] // block * size), np.uint8)
            writer.add_tensor(name, data, raw_dtype=quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, list):
        writer.add_array(key, value)
    else:
        writer.add_uint32(key, value)
