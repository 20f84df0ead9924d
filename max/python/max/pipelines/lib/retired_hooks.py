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
    if found:
        raise TypeError(
            f"the pipeline model of '{architecture}' defines what this release does not call: "
            f"{', '.join(found)}. Remove it, or move its work to what is named in brackets."
        )
