"""Methods of pipeline models that earlier releases called, and none calls now."""

from __future__ import annotations

from collections.abc import Mapping

# Each with what does its work.
_RETIRED: Mapping[str, str] = {
    "prepare_next_token_inputs": "every step's inputs come from prepare_initial_token_inputs",
    "logits_postprocessor": "override the decoder's last layers instead",
    "infer_optimal_batch_size": "--max-batch-size, or what memory allows",
    "estimate_weights_size": "the checkpoint's headers tell it",
    "estimate_kv_cache_size": "get_kv_params",
    "load_kv_manager": "get_kv_params",
    "load_kv_managers": "get_kv_params",
    "finalize_pipeline_config": "required_arguments of the SupportedArchitecture",
}

# Documented settings that not every family reads, with what does their work for the others.
_SETTINGS_OF_SOME: Mapping[str, str] = {
    "norm_method": "override make_norm of the decoder",
    "attention_bias": "override get_attention_biases of the configuration",
}


def refuse_retired_hooks(architecture: str, model: type) -> None:
    """Refuses a class that counts on being asked what nobody asks any more.

    Args:
        architecture: name, for the message.
        model: its pipeline model.

    Raises:
        TypeError: naming the methods, where they are defined, and what to do instead.
    """
    found = [
        f"{cls.__name__}.{name} ({_RETIRED[name]})"
        for cls in model.__mro__
        for name in _RETIRED
        if name in vars(cls)
    ]
    heard = {name for cls in model.__mro__ if _is_ours(cls) for name in vars(cls)}
    found += [
        f"{cls.__name__}.{name} ({does})"
        for cls in model.__mro__
        for name, does in _SETTINGS_OF_SOME.items()
        if name in vars(cls) and name not in heard and any(map(_is_family, model.__mro__))
    ]
    if found:
        raise TypeError(
            f"the pipeline model of '{architecture}' defines what this release does not call: "
            f"{', '.join(found)}. Remove it, or move its work to what is named in brackets."
        )


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("max.")


def _is_family(cls: type) -> bool:
    """Whether it builds the graph: a class that only says what a model is leaves that to others."""
    return _is_ours(cls) and "_build_graph" in vars(cls)
