"""How fast a model of 8B shapes and random weights is on a device, beside what bounds it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file

from integration.gpu.running import answer
from integration.test_common.tiny_tokenizer import write_tokenizer
from max.pipelines.config import PipelineConfig
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY

# Llama 3.1 8B.
LARGE: Mapping[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128256,
    "max_position_embeddings": 16384,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "bos_token_id": 0,
    "eos_token_id": 1,
}


class Workload(NamedTuple):
    """Requests that start together: how many, of how many tokens in and out.

    Attributes:
        overlaps: whether a step is started before the tokens of the last one are known.
        published: what was published of vLLM that comes nearest, and where; not measured here.
    """

    name: str
    requests: int
    tokens_in: int
    tokens_out: int
    overlaps: bool = True
    published: str = ""


WORKLOADS = (
    Workload("decode, batch 1, plain loop", 1, 16, 256, overlaps=False),
    Workload(
        "decode, batch 1",
        1,
        16,
        256,
        published="at most 50 % of the bound (1B, H100; Hazy Research, No Bubbles)",
    ),
    Workload("prefill of 8192", 1, 8192, 1),
    Workload(
        "64 streams, 1000 in, 200 out",
        64,
        1000,
        200,
        published="12,553 tokens/s (H100, 1000 requests of ShareGPT; AIMultiple)",
    ),
)


class Measured(NamedTuple):
    """What a workload took: seconds to the first token of all, and after it."""

    name: str
    prefill_tokens_per_second: float
    decode_tokens_per_second: float
    bound: float
    unit: str
    published: str = ""

    @property
    def share(self) -> float:
        """Of the bound that was reached."""
        is_prefill = self.unit == "prefill"
        reached = self.prefill_tokens_per_second if is_prefill else self.decode_tokens_per_second
        return reached / self.bound


def write_random_model(folder: Path, config: Mapping[str, Any], device: torch.device) -> None:
    """A checkpoint of random weights, made on the device, one file per layer; of any tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(dict(config)))
    hidden, inner, vocab = (
        int(config[k]) for k in ("hidden_size", "intermediate_size", "vocab_size")
    )
    width = int(config["head_dim"])
    heads, kv_heads = int(config["num_attention_heads"]), int(config["num_key_value_heads"])
    block = {
        "self_attn.q_proj": (heads * width, hidden),
        "self_attn.k_proj": (kv_heads * width, hidden),
        "self_attn.v_proj": (kv_heads * width, hidden),
        "self_attn.o_proj": (hidden, heads * width),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
        "input_layernorm": (hidden,),
        "post_attention_layernorm": (hidden,),
    }
    layers: list[dict[str, tuple[int, ...]]] = [
        {f"model.layers.{index}.{name}": shape for name, shape in block.items()}
        for index in range(int(config["num_hidden_layers"]))
    ]
    ends = {
        "model.embed_tokens": (vocab, hidden),
        "model.norm": (hidden,),
        "lm_head": (vocab, hidden),
    }
    names: dict[str, str] = {}
    for number, shapes in enumerate([*layers, ends]):
        file = f"model-{number:05d}.safetensors"
        tensors = {
            f"{name}.weight": torch.randn(shape, device=device).mul_(0.02).to(torch.bfloat16).cpu()
            for name, shape in shapes.items()
        }
        save_file(tensors, folder / file, {"format": "pt"})
        names.update(dict.fromkeys(tensors, file))
    index = {"metadata": {}, "weight_map": names}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def measure(
    folder: Path,
    config: Mapping[str, Any],
    device: str,
    bandwidth: float,
    arithmetic: float,
    workloads: Sequence[Workload] = WORKLOADS,
) -> list[Measured]:
    """Runs the workloads, each twice: the second counts.

    Args:
        folder: from `write_random_model`.
        config: of the model.
        device: as `--devices` takes it.
        bandwidth: bytes per second that the device reads, for the bounds.
        arithmetic: operations per second of its matrix products.
        workloads: what to run.
    """
    most = max(load.requests for load in workloads)
    settings = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        device_specs=device,
        max_batch_size=most,
        max_length=max(load.tokens_in + load.tokens_out for load in workloads),
        enable_prefix_caching=False,
        enable_overlap_scheduler=True,
    )
    _, pipeline = PIPELINE_REGISTRY.retrieve(settings)
    found = []
    for load in workloads:
        _run(pipeline, load)
        first, rest = _run(pipeline, load)
        decoded = load.requests * (load.tokens_out - 1)
        prefill = load.requests * load.tokens_in / first
        unit = "decode" if decoded else "prefill"
        bound = (
            _decode_bound(config, load, bandwidth) if decoded else arithmetic / _operations(config)
        )
        speed = decoded / rest if decoded else 0.0
        found.append(Measured(load.name, prefill, speed, bound, unit, load.published))
    return found


def _run(pipeline: Any, load: Workload) -> tuple[float, float]:
    """Seconds until every request has its first token, and from then to the last one."""
    random = torch.Generator().manual_seed(0)
    params = SamplingParams(temperature=0.0, max_new_tokens=load.tokens_out, ignore_eos=True)
    contexts = []
    for _ in range(load.requests):
        prompt = torch.randint(2, 500, (load.tokens_in,), generator=random).tolist()
        length = load.tokens_in + load.tokens_out
        contexts.append(
            TextContext(max_length=length, tokens=TokenBuffer(prompt), sampling_params=params)
        )
    started = time.perf_counter()
    first = 0.0
    for _ in answer(pipeline, contexts, load.overlaps):
        if not first and all(ctx.tokens.generated_length for ctx in contexts):
            first = time.perf_counter() - started
    return first, time.perf_counter() - started - first


def _parameters(config: Mapping[str, Any]) -> int:
    """Elements of the matrices that each token is multiplied with."""
    hidden, width = config["hidden_size"], config["head_dim"]
    attention = hidden * width * 2 * (config["num_attention_heads"] + config["num_key_value_heads"])
    layer = attention + 3 * hidden * config["intermediate_size"]
    return int(config["num_hidden_layers"] * layer + config["vocab_size"] * hidden)


def _operations(config: Mapping[str, Any]) -> int:
    """Of one token of a prompt: a product and a sum for each element, but for the last layer's."""
    return 2 * (_parameters(config) - int(config["vocab_size"] * config["hidden_size"]))


def _decode_bound(config: Mapping[str, Any], load: Workload, bandwidth: float) -> float:
    """Tokens per second if a step did nothing but read weights and cache, once."""
    tokens = load.tokens_in + load.tokens_out // 2
    of_token = 2 * 2 * config["num_hidden_layers"] * config["num_key_value_heads"]
    cache = load.requests * tokens * of_token * config["head_dim"]
    return float(load.requests * bandwidth / (2 * _parameters(config) + cache))
