"""Documented names that this release lacks: why, and what does their work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import ModuleType

_ONE_DEVICE = "this release runs a model on one device"
_ENGINE = "graphs are torch.fx's: print one with print(graph), a tensor with value.print(label)"

_CUSTOM = "ops.custom takes an operation of torch's"
_EXPERTS = "max.nn.moe has the layers of experts, which say how tokens are routed"
_ATTENTION = "max.nn.Attention has the steps of attention, each to be overridden"
_CACHE = "rope_split_store_ragged and flash_attention_ragged write and read the cache"

# By full name; one of a module is about all inside it.
ABSENT_NAMES: Mapping[str, str] = {
    "max.experimental": "models are built with max.graph and max.nn",
    "max.interfaces": "an earlier name of max.pipelines.modeling.types and max.pipelines.context",
    "max.pipelines.core": "an earlier name of max.pipelines.context",
    "max.nn.legacy": "an earlier name of max.nn",
    "max.support": "use itertools",
    "max.profiler": "use torch.profiler",
    "max.engine.api": "import from max.engine",
    "max.engine.LogLevel": "see --log-level",
    "max.engine.InferenceSession.debug": _ENGINE,
    "max.engine.InferenceSession.load_all": "call load for each graph",
    "max.engine.InferenceSession.init_all": "call init for each graph",
    "max.engine.InferenceSession.compile_async": "call compile",
    "max.engine.CompiledModel.export_mef": "it is a file of another compiler",
    "max.graph.Graph.debug": _ENGINE,
    "max.graph.Graph.add_subgraph": "equal layers need none: call the module",
    "max.graph.ops.call": "equal layers need none: call the module",
    "max.graph.ops.allreduce": _ONE_DEVICE,
    "max.graph.ops.allgather": _ONE_DEVICE,
    "max.graph.ops.distributed_broadcast": _ONE_DEVICE,
    "max.graph.ShardingStrategy": _ONE_DEVICE,
    "max.graph.Weight.shard": _ONE_DEVICE,
    "max.graph.ops.buffer_create": "a BufferType among the inputs makes one",
    "max.graph.ops.as_interleaved_complex": _CUSTOM,
    "max.graph.ops.constant_external": "a Weight is one",
    "max.graph.ops.conv2d_transpose": _CUSTOM,
    "max.graph.ops.hann_window": _CUSTOM,
    "max.graph.ops.irfft": _CUSTOM,
    "max.graph.ops.resize": _CUSTOM,
    "max.driver.is_virtual_device_mode": "graphs are compiled on the machine that runs them",
    "max.driver.DevicePinnedBuffer": "Buffer.to copies",
    "max.nn.Module.build_subgraph": "equal layers need none: call the module",
    "max.nn.Signals": _ONE_DEVICE,
    "max.nn.Allreduce": _ONE_DEVICE,
    "max.nn.ColumnParallelLinear": _ONE_DEVICE,
    "max.nn.VocabParallelEmbedding": _ONE_DEVICE,
    "max.nn.DistributedTransformer": _ONE_DEVICE,
    "max.nn.DistributedTransformerBlock": _ONE_DEVICE,
    "max.nn.TensorParallelAttentionWithRope": _ONE_DEVICE,
    "max.nn.DataParallelAttentionWithRope": _ONE_DEVICE,
    "max.nn.AttentionWithRopeAndLoRA": "every Linear takes adapters: see --enable-lora",
    "max.nn.GGUFQAttentionWithRope": "AttentionWithRope takes quantized weights",
    "max.nn.GPTQAttentionWithRope": "AttentionWithRope takes quantized weights",
    "max.nn.GPTQLinear": "Linear takes the checkpoint's encoding",
    "max.nn.StackedLinear": "AttentionWithRope has stacked_qkv",
    "max.nn.QuantConfig": "Linear takes the checkpoint's encoding",
    "max.nn.QuantFormat": "Linear takes the checkpoint's encoding",
    "max.nn.InputScaleSpec": "Linear takes the checkpoint's encoding",
    "max.nn.WeightScaleSpec": "Linear takes the checkpoint's encoding",
    "max.nn.ScaleGranularity": "Linear takes the checkpoint's encoding",
    "max.nn.ScaleOrigin": "Linear takes the checkpoint's encoding",
    "max.nn.LatentAttentionWithRope": _ATTENTION,
    "max.nn.RaggedAttention": _ATTENTION,
    "max.nn.MultiheadAttention": _ATTENTION,
    "max.nn.MoEGate": _EXPERTS,
    "max.nn.MoE": _EXPERTS,
    "max.nn.MoEQuantized": _EXPERTS,
    "max.nn.StackedMoE": _EXPERTS,
    "max.nn.kernels.fused_qkv_ragged_matmul": _CACHE,
    "max.nn.kernels.fused_qk_ragged_rope": _CACHE,
    "max.nn.kernels.rms_norm_key_cache": _CACHE,
    "max.nn.kernels.store_k_cache_ragged": _CACHE,
    "max.nn.kernels.store_v_cache_ragged": _CACHE,
    "max.nn.kernels.matmul_kv_cache_ragged": _CACHE,
    "max.nn.kernels.flash_attention_gpu": _CACHE,
    "max.nn.kernels.masked_flash_attention_gpu": _CACHE,
    "max.nn.kernels.moe_create_indices": _EXPERTS,
    "max.nn.kernels.grouped_matmul_ragged": _EXPERTS,
    "max.nn.GroupNorm": "use ops.group_norm",
    "max.pipelines.context.TextAndVisionContext": "this release takes text",
    "max.pipelines.lib.TextAndVisionTokenizer": "this release takes text",
    "max.pipelines.lib.IdentityPipelineTokenizer": "this release takes text",
    "max.pipelines.lib.ArchVLConfigWithTextSubconfig": "this release takes text",
    "max.pipelines.lib.AlwaysSignalBuffersMixin": _ONE_DEVICE,
    "max.pipelines.lib.registry.PipelineRegistry.get_active_tokenizer": (
        "retrieve_tokenizer makes the model's, transformers.AutoTokenizer the original's"
    ),
    "max.pipelines.lib.LoRAManager": "adapters are in the pipeline: see max.pipelines.lora",
    "max.pipelines.lib.model_manifest": "PipelineConfig has one model: config.model",
}


def reason_of_absence(name: str) -> str | None:
    """Why a documented name is not here, or None where nothing is known of it.

    Args:
        name: a full name, of something in an absent module too.
    """
    while name:
        if name in ABSENT_NAMES:
            return ABSENT_NAMES[name]
        name = name.rpartition(".")[0]
    return None


def explain(error: ImportError | AttributeError) -> None:
    """Adds to an error about a documented name why it is not here."""
    name = _name_of(error)
    if reason := reason_of_absence(name):
        error.add_note(f"{name} is documented and not in this release: {reason}.")


def _name_of(error: ImportError | AttributeError) -> str:
    if isinstance(error, AttributeError):
        return f"{error.obj.__name__}.{error.name}" if isinstance(error.obj, ModuleType) else ""
    # Python 3.11 tells the name in the message only.
    found = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
    return f"{found[2]}.{found[1]}" if found else error.name or ""
