"""What is documented and not available yet: one table for configuration, command line and HTTP.

A class of the configuration, or of a request's body, has the fields of its entry. A field takes the
values that ask for nothing, first its default; any other is refused with a message that names them.
A field that is done goes from here into its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.dtype import DType

UNAVAILABLE: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "MAXModelConfig": {
        "subfolder": (None,),
        "vision_config_overrides": (None,),
        "rope_type": (None,),
        "sliding_window": (None,),
        "use_subgraphs": (True, False),  # equal layers are compiled alike either way
        "data_parallel_degree": (1,),
        "pool_embeddings": (True,),
    },
    "KVCacheConfig": {
        "kv_connector": (None, "null"),
        "kv_connector_config": (None,),
        "allow_kv_head_replication": (False,),
        "kv_cache_hash_algo": ("ahash64",),
        "kv_cache_hash_seed": (None,),
    },
    "SamplingConfig": {
        "in_dtype": (DType.float32,),
        "out_dtype": (DType.float32,),
        "enable_variable_logits": (False,),
        "enable_penalties": (True,),
        "enable_min_tokens": (True,),
        "sample_on_host": (False,),
    },
    "PipelineRuntimeConfig": {
        "pipeline_role": ("prefill_and_decode",),
        "max_queue_size_tg": (None,),
        "min_batch_size_tg": (None,),
        "ep_size": (1,),
        "ce_delay_ms": (0.0,),
        "enable_prioritize_first_decode": (False,),
        "enable_in_flight_batching": (False, True),  # prefill and decoding always share a step
        "max_num_steps": (1,),
        # What runs is the same either way: kernels are chosen by what the machine has.
        "use_experimental_kernels": (False, True),
        "use_vendor_blas": (False, True),
        "execute_empty_batches": (False,),
        "force": (False, True),  # nothing that it would override is refused
        "decode_stall_timeout_s": (None,),
        "decode_request_ttl_s": (None,),
        "allow_unsupported_logprobs": (False,),
        "prefer_module_v3": (False,),
        "temperature": (None,),
        "thinking_temperature": (None,),
        "max_vision_cache_entries": (256,),
        "denoising_cache": (None,),
    },
    "SpeculativeConfig": {
        "speculative_method": (None,),
        "num_speculative_tokens": (2,),
        "rejection_sampling_strategy": (None,),
    },
    "ProfilingConfig": {"gpu_profiling": ("off",)},
    "PipelineConfig": {
        "draft_model": (None,),
        "model_override": ([],),
        "debug_verify_replay": (False,),
    },
    "ChatCompletionRequest": {
        "functions": (None, []),
        "function_call": (None, "none", "auto"),
        "modalities": (None, ["text"]),
        "audio": (None,),
        "prediction": (None,),
        "reasoning_effort": (None,),
        "verbosity": (None,),
        "web_search_options": (None,),
        "store": (None, False),
    },
    "ResponsesRequest": {
        "background": (None, False),
        "conversation": (None,),
        "include": (None, []),
        "max_tool_calls": (None,),
        "prompt": (None,),
        "prompt_cache_retention": (None, "in_memory"),
        "reasoning": (None,),
        "stream_options": (None,),
        "top_logprobs": (None, 0),
        "truncation": (None, "disabled"),
    },
    "ChatMessage": {"audio": (None,), "function_call": (None,)},
    "CompletionRequest": {"suffix": (None, "")},
    "StructuredOutputs": {"disable_additional_properties": (None, False)},
    # Commands, and flags of commands that are no fields.
    "max": {"warm-interpreter-cache": ()},
    "max generate": {"--image_url": ()},
    "max serve": {"--headless": (), "--task-arg": ()},
    "max warm-cache": {"--target": ()},
}


def unavailable_fields(of: type) -> dict[str, tuple[Any, ...]]:
    """The fields of a class that are not available, with the values that they take."""
    bases = [UNAVAILABLE.get(base.__name__, {}) for base in reversed(of.__mro__)]
    return {name: accepted for fields in bases for name, accepted in fields.items()}


def asks_for_nothing(value: object, accepted: tuple[Any, ...]) -> bool:
    """Whether a value is one of those that a field takes; 1 is not True."""
    return any(type(value) is type(each) and value == each for each in accepted)
