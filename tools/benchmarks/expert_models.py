"""Writes models with experts whose layers have the sizes of well-known ones, but fewer of them.

python3 -m tools.benchmarks.expert_models qwen3-moe DIR

Weights are random, in bfloat16; `convert_without_vocabulary` beside this and llama-quantize make
GGUF files of them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

# Larger than the tokenizer's, which is the demo's: the head counts in a step.
_VOCABULARY = 32768


class Shape(NamedTuple):
    """A model.

    Attributes:
        config_cls: transformers' class.
        settings: what it is called with.
        written: fields of config.json that are written otherwise, for llama.cpp's converter.
    """

    config_cls: str
    settings: Mapping[str, Any]
    written: Mapping[str, Any] = {}


# llama.cpp takes DeepSeek models for those without compressed queries by their number of layers.
_PLAIN_QUERIES = {"q_lora_rank": 0, "topk_method": "greedy", "scoring_func": "softmax"}
SHAPES: Mapping[str, Shape] = {
    # Qwen3-30B-A3B, 3 layers of 48.
    "qwen3-moe": Shape(
        "Qwen3MoeConfig",
        {
            "hidden_size": 2048,
            "intermediate_size": 6144,
            "num_attention_heads": 32,
            "num_key_value_heads": 4,
            "head_dim": 128,
            "num_experts": 128,
            "num_experts_per_tok": 8,
            "moe_intermediate_size": 768,
            "norm_topk_prob": True,
            "num_hidden_layers": 3,
        },
    ),
    # gpt-oss-20b, 2 layers of 24.
    "gpt-oss": Shape(
        "GptOssConfig",
        {
            "hidden_size": 2880,
            "intermediate_size": 2880,
            "num_attention_heads": 64,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "num_local_experts": 32,
            "num_experts_per_tok": 4,
            "num_hidden_layers": 2,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
    # DeepSeek-V2-Lite, 3 layers of 27.
    "deepseek-lite": Shape(
        "DeepseekV2Config",
        {
            "hidden_size": 2048,
            "intermediate_size": 10944,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "kv_lora_rank": 512,
            "q_lora_rank": None,
            "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64,
            "v_head_dim": 128,
            "n_routed_experts": 64,
            "n_shared_experts": 2,
            "num_experts_per_tok": 6,
            "moe_intermediate_size": 1408,
            "first_k_dense_replace": 1,
            "topk_method": "greedy",
            "num_hidden_layers": 3,
            "max_position_embeddings": 16384,
        },
        _PLAIN_QUERIES,
    ),
}


@click.command()
@click.argument("shape", type=click.Choice(list(SHAPES)))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(shape: str, folder: Path) -> None:
    """Write a model of SHAPE to FOLDER, and beside it FOLDER-gguf, what the converter reads."""
    import torch
    import transformers

    from max.demo import model_path

    config_cls = getattr(transformers, SHAPES[shape].config_cls)
    config = config_cls(vocab_size=_VOCABULARY, **SHAPES[shape].settings)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="100GB")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(model_path() / name, folder / name)
    converted = folder.with_name(f"{folder.name}-gguf")
    converted.mkdir()
    for file in folder.iterdir():
        (converted / file.name).symlink_to(file.absolute())
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (converted / "config.json").unlink()
    (converted / "config.json").write_text(
        json.dumps({**content, **SHAPES[shape].written}), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
