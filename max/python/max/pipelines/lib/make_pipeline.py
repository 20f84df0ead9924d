"""Makes a text generation pipeline: read weights, compile, plan memory, allocate the cache."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from max.driver import Device, load_devices
from max.driver.host_reserve import end_reserve, reserved_bytes
from max.dtype import DType
from max.engine import InferenceSession
from max.engine.session import ignore_phase
from max.graph import DeviceRef
from max.graph.weights import load_weights, weights_format
from max.kernels.gpu.tuning import has_float8
from max.nn.transformer import ReturnLogits
from max.pipelines.config import PipelineConfig
from max.pipelines.kv_cache import MemoryPlan, PagedKVCacheManager, PagedMemoryPlanner
from max.pipelines.kv_cache.memory_limits import available_memory
from max.pipelines.lib.activation_memory import largest_step_bytes
from max.pipelines.lib.adapted_model import AdaptedModel
from max.pipelines.lib.adapters import Adapters
from max.pipelines.lib.call_tolerantly import call_tolerantly
from max.pipelines.lib.decode_graphs import (
    capture_decoding,
    captures_decoding,
    decoding_bytes,
)
from max.pipelines.lib.embed.pipeline import EmbeddingsPipeline
from max.pipelines.lib.interfaces import PipelineModelWithKVCache
from max.pipelines.lib.packed_weights import packed_weights
from max.pipelines.lib.supported_architecture import SupportedArchitecture
from max.pipelines.lib.text_generation import TextGenerationPipeline
from max.pipelines.lib.utils import parse_state_dict_from_weights
from max.pipelines.lib.weight_encoding import encoded_bytes, is_plain
from max.pipelines.modeling.types import PipelineTask
from max.pipelines.sampling.sampler import make_sampling_kernels

logger = logging.getLogger("max.pipelines")

_PIPELINES: Mapping[PipelineTask, type[Any]] = {
    PipelineTask.TEXT_GENERATION: TextGenerationPipeline,
    PipelineTask.EMBEDDINGS_GENERATION: EmbeddingsPipeline,
}


def make_pipeline(
    architecture: SupportedArchitecture,
    config: PipelineConfig,
    return_logits: ReturnLogits | None = None,
    tokenizer: Any = None,
    on_phase: Callable[[str], None] = ignore_phase,
) -> TextGenerationPipeline:
    """Makes a pipeline.

    Args:
        architecture: of the model.
        config: all settings, resolved for the architecture.
        return_logits: which logits the graph gives; by default those that the configuration needs.
        tokenizer: the model's; only the offline methods of the pipeline need it.
        on_phase: told what begins: "read", "compile", "place weights", "allocate",
            and where decoding is captured "capture".

    Raises:
        ValueError: if weights are missing or wrong, or memory does not suffice.
    """
    on_phase("read")
    device = load_devices(config.model.device_specs)[0]
    _check_cache_format(config, device)
    # What is reserved for the weights is available to them.
    available = available_memory(device) + (reserved_bytes() if device.is_host else 0)
    # Without activations, whose graph is yet to be made: what cannot fit is refused right now.
    plan = plan_memory(architecture, config, available)
    config.runtime.max_batch_size = plan.max_batch_size
    with ThreadPoolExecutor(1, thread_name_prefix="sampling") as beside:
        sampling = beside.submit(make_sampling_kernels) if device.is_host else None
        model = make_model(architecture, config, return_logits or _logits_needed(config), on_phase)
    if sampling is not None:
        sampling.result()
    adapted = AdaptedModel(architecture, config, model) if config.lora.enable_lora else None
    on_phase("allocate")
    end_reserve()
    activations = largest_step_bytes(model, config, plan.max_batch_size)
    activations += 0 if adapted is None else adapted.slots_bytes
    is_captured = captures_decoding(model, config)
    if is_captured:
        activations += decoding_bytes(model, plan.max_batch_size)
    plan = plan_memory(architecture, config, available, activations)
    logger.info("%s", plan)
    manager = PagedKVCacheManager(
        model.kv_params,
        plan.total_num_pages,
        model.devices[0],
        plan.max_batch_size,
        config.runtime.longest_step,
        config.runtime.steps_in_flight,
    )
    if is_captured:
        on_phase("capture")
        capture_decoding(model, manager.kv_blocks, plan.max_batch_size)
    pipeline_cls = architecture.pipeline_cls or _PIPELINES[architecture.task]
    pipeline: TextGenerationPipeline = pipeline_cls(
        pipeline_config=config,
        pipeline_model=model,
        kv_manager=manager,
        tokenizer=tokenizer,
        plan=plan,
    )
    if config.sampling.enable_structured_output:
        pipeline.grammars.preload()
    if adapted is not None:
        pipeline.adapters = Adapters(adapted, config.lora)
    return pipeline


def _check_cache_format(config: PipelineConfig, device: Device) -> None:
    dtype = config.model.cache_dtype
    if dtype is DType.int8 and not device.is_host:
        raise ValueError(
            f"--kv-cache-format int8 is for CPUs, and {device} is none: use float8_e4m3fn, which "
            "takes about as many bytes"
        )
    if dtype.is_float8() and device.is_host:
        logger.warning(
            "--kv-cache-format %s is slow on a CPU: int8 takes fewer bytes, is more accurate and "
            "has kernels",
            dtype,
        )
    if dtype.is_float8() and not has_float8(device.to_torch()):
        raise ValueError(
            f"--kv-cache-format {config.model.cache_dtype} needs a GPU that converts such numbers "
            f"(NVIDIA's of compute capability 8.9 and later), which {device} does not: use bfloat16"
        )


def _logits_needed(config: PipelineConfig) -> ReturnLogits:
    return ReturnLogits.VARIABLE if config.model.enable_echo else ReturnLogits.LAST_TOKEN


def plan_memory(
    architecture: SupportedArchitecture,
    config: PipelineConfig,
    available_bytes: int | None = None,
    activation_bytes: int = 0,
) -> MemoryPlan:
    """How many pages the cache gets.

    Args:
        architecture: of the model.
        config: all settings.
        available_bytes: memory before anything was loaded; None for what there is now.
        activation_bytes: peak of a step (see `largest_step_bytes`).

    Raises:
        ValueError: if the weights or one request do not fit; says what is needed and which flags
            change it.
    """
    model_cls = _model_with_cache(architecture)
    huggingface_config = config.model.huggingface_config
    device = load_devices(config.model.device_specs)[0]
    params = model_cls.get_kv_params(
        huggingface_config,
        config,
        [DeviceRef.from_device(device)],
        config.model.kv_cache,
        config.model.cache_dtype,
    )
    step_tokens = config.runtime.longest_step
    make_planner = architecture.memory_planner or PagedMemoryPlanner
    plan: MemoryPlan = make_planner(config.model.kv_cache.device_memory_utilization).plan(
        params,
        device,
        max_length=architecture.max_length_of(config),
        max_batch_size=config.runtime.max_batch_size,
        max_batch_input_tokens=config.runtime.step_tokens,
        step_tokens=step_tokens and step_tokens * config.runtime.steps_in_flight,
        weights_bytes=weights_bytes(architecture, config),
        activation_bytes=activation_bytes,
        available_bytes=available_bytes,
    )
    return plan


def weights_bytes(architecture: SupportedArchitecture, config: PipelineConfig) -> int:
    """Bytes that the weights take in the encoding that the model computes with."""
    paths = config.model.resolved_weight_paths
    weights = load_weights(paths)
    state_dict = {name: value.data() for name, value in weights.items()}
    if config.model.graph_quantization_encoding is not None and is_plain(state_dict):
        # Which encoding a weight gets depends on what the model calls it.
        adapter = _adapter(architecture.weight_adapters, weights_format(paths), architecture.name)
        state_dict = parse_state_dict_from_weights(config, weights, adapter)
    return encoded_bytes(state_dict, config.model, architecture.model_cls.sensitive_layers)


def make_model(
    architecture: SupportedArchitecture,
    config: PipelineConfig,
    return_logits: ReturnLogits,
    on_phase: Callable[[str], None] = ignore_phase,
) -> PipelineModelWithKVCache:
    """Reads the weights, builds the graph and compiles it.

    Raises:
        ValueError: if a weight is missing or wrong, or the format has no adapter.
    """
    devices = load_devices(config.model.device_specs)
    paths = config.model.resolved_weight_paths
    weights = load_weights(paths)
    model: PipelineModelWithKVCache = call_tolerantly(
        _model_with_cache(architecture),
        pipeline_config=config,
        session=InferenceSession(
            devices,
            config.runtime.num_threads,
            on_phase,
            packed_weights(architecture, config),
        ),
        devices=devices,
        kv_cache_config=config.model.kv_cache,
        weights=weights,
        adapter=_adapter(architecture.weight_adapters, weights_format(paths), architecture.name),
        return_logits=return_logits,
    )
    return model


def _adapter(adapters: Mapping[Any, Any], format: Any, name: str) -> Any:
    if adapters and format not in adapters:
        known = ", ".join(f.value for f in adapters)
        raise ValueError(
            f"architecture '{name}' has no weight adapter for {format.value} checkpoints (it has: "
            f"{known}); add one to weight_adapters in its SupportedArchitecture"
        )
    return adapters.get(format)


def _model_with_cache(architecture: SupportedArchitecture) -> type[PipelineModelWithKVCache]:
    model = architecture.model_cls
    if not issubclass(model, PipelineModelWithKVCache):
        raise TypeError(
            f"{model.__name__} of '{architecture.name}' generates text: it must be a subclass of "
            "PipelineModelWithKVCache"
        )
    return model
