"""config.json of a common decoder as it is written, without transformers, which loads slowly."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from max.pipelines.checkpoint.config_fields import SIZES, ConfigFields
from max.pipelines.modeling.errors import ModelSourceError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# What transformers raises for values of a wrong kind, besides its own StrictDataclassError.
ERRORS_OF_BAD_VALUES = (
    *(ValueError, TypeError, LookupError, AttributeError, OSError),
    *(ArithmeticError, RecursionError),
)
# What transformers has in every configuration, and what it is where the file does not say.
_OF_ANY: Mapping[str, object] = {
    "attention_dropout": 0.0,
    "bos_token_id": None,
    "eos_token_id": None,
    "initializer_range": 0.02,
    "pad_token_id": None,
    "use_cache": True,
}
# What a configuration has beside its fields: methods, and values that transformers works out.
_OF_TRANSFORMERS = frozenset(
    """
    allow_global_per_layer_attribute_access architectures attribute_map base_config_key
    base_model_ep_plan base_model_fsdp_plan base_model_pp_plan base_model_tp_plan
    chunk_size_feed_forward convert_rope_params_to_dict default_config_fields default_rope_type
    default_theta dict_dtype_to_str dtype extra_config_files extra_files from_dict from_json_file
    from_pretrained get_config_dict get_mtp_config get_text_config id2label
    ignore_keys_at_rope_validation is_custom_code is_encoder_decoder is_heterogeneous
    is_remote_code keys_to_ignore_at_inference label2id name_or_path nested_rope_parameter_keys
    num_labels output_attentions output_hidden_states per_layer_attributes per_layer_config
    problem_type push_to_hub register_for_auto_class return_dict save_pretrained
    serialize_explicit_per_layer_config standardize_rope_params sub_configs sub_configs_defaults
    to_dict to_diff_dict to_json_file to_json_string torch_dtype transformers_version update
    update_from_string use_return_dict validate validate_architecture validate_layer_type
    validate_output_attentions validate_rope validate_token_ids
    """.split()  # noqa: SIM905
)
_KINDS: Mapping[type, tuple[type, ...]] = {
    bool: (bool,),
    float: (float, int),
    int: (int, list, type(None)),  # ids of tokens
}
_ROPE_NUMBERS: Mapping[object, tuple[str, ...]] = {
    "default": (),
    "linear": ("factor",),
    "llama3": (
        "factor",
        "high_freq_factor",
        "low_freq_factor",
        "original_max_position_embeddings",
    ),
}


class PlainConfig:
    """A config.json that says all that a decoder needs; see `is_plain`.

    It answers as transformers' configuration of the same file does: fields that decoders have are
    read from the file, others that transformers does not know either are missing. Whatever else is
    asked, an assignment and `isinstance` make it load transformers, which answers from then on.
    Beside that `rope_theta` is there, as packages of earlier years read it.

    Args:
        folder: of the checkpoint.
        fields: content of its config.json.
        known: what its family says of them.
    """

    _own = frozenset({"_folder", "_written", "_fields", "_complete", "_is_remote"})

    def __init__(self, folder: Path, fields: Mapping[str, Any], known: ConfigFields) -> None:
        self._folder = folder
        self._written = fields
        self._fields = _all_fields(fields, known)
        self._is_remote = known.is_remote
        self._complete: PretrainedConfig | None = None

    def __getattr__(self, name: str) -> Any:
        if name in PlainConfig._own or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        if self._complete is None and name in self._fields:
            return self._fields[name]
        known = name in self._written or name in _OF_TRANSFORMERS or name.startswith("_")
        if self._complete is None and not known:
            raise AttributeError(f"config.json of {self._folder} has no '{name}'")
        try:
            return getattr(self._completed(), name)
        except AttributeError:
            if name == "rope_theta":
                return self.rope_parameters["rope_theta"]
            raise

    def __setattr__(self, name: str, value: object) -> None:
        if name in PlainConfig._own:
            object.__setattr__(self, name, value)
        else:
            setattr(self._completed(), name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """What `isinstance` believes, which can only ask for classes of a loaded transformers."""
        return type(self._completed()) if "transformers" in sys.modules else PlainConfig

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._completed().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return repr(self._completed())

    def __eq__(self, other: object) -> bool:
        return bool(self._completed() == other)

    def __iter__(self) -> Iterator[str]:
        return iter(self._completed())

    def _completed(self) -> PretrainedConfig:
        if self._complete is None:
            from transformers import PretrainedConfig

            self._complete = (
                PretrainedConfig.from_dict({**self._written, **self._fields})
                if self._is_remote
                else read_by_transformers(self._folder, self._written["model_type"])
            )
        return self._complete


def read_by_transformers(
    folder: Path, model_type: object, trust_remote_code: bool = False
) -> PretrainedConfig:
    """config.json as the object that transformers makes of it.

    Args:
        folder: of the checkpoint.
        model_type: what the file says that it is, for the message.
        trust_remote_code: whether code of the checkpoint's own may be run.

    Raises:
        ModelSourceError: if transformers does not take it.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig, __version__

    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            folder, trust_remote_code=trust_remote_code
        )
    except (*ERRORS_OF_BAD_VALUES, StrictDataclassError) as error:
        raise ModelSourceError(
            f"transformers {__version__} cannot read {folder / 'config.json'} "
            f"(model_type {model_type!r}): {' '.join(str(error).split())}"
        ) from error
    return config


def _all_fields(written: Mapping[str, Any], known: ConfigFields) -> dict[str, Any]:
    """The fields of a plain config.json, with what is said by leaving one out."""
    fields: dict[str, Any] = {**_OF_ANY, **known.defaults}
    fields |= {name: written[name] for name in (*fields, *SIZES) if name in written}
    fields["model_type"] = written["model_type"]
    rope = dict(fields["rope_parameters"] or fields["rope_scaling"] or {})
    rope.setdefault("rope_theta", fields["rope_theta"])
    rope.setdefault("rope_type", rope.get("type", "default"))
    fields |= {"rope_parameters": rope, "rope_scaling": rope, "rope_theta": rope["rope_theta"]}
    if fields["head_dim"] is None:
        fields["head_dim"] = fields["hidden_size"] // fields["num_attention_heads"]
        if "head_dim" not in known.own:
            del fields["head_dim"]
    if "layer_types" in fields:
        fields["sliding_window"] = None  # `is_plain` knows that no layer has one
        every = ["full_attention"] * fields["num_hidden_layers"]
        fields["layer_types"] = fields["layer_types"] or every
    return fields


def is_plain(fields: Mapping[str, Any], known: ConfigFields) -> bool:
    """Whether a config.json of a family has all sizes, of the right kinds, and no surprise.

    Anything else is for transformers to complete or to refuse.
    """
    is_unused = "use_sliding_window" in known.own  # what there is of a window beside it
    return (
        not known.is_completed
        and (known.is_remote or not fields.get("auto_map"))
        and fields.get("quantization_config") is None
        and all(type(fields.get(name)) in kinds for name, kinds in SIZES.items())
        and all(
            _is_usual(fields[name], usual)
            for name, usual in {**_OF_ANY, **known.defaults}.items()
            if name in fields
        )
        and min(fields[name] for name, kinds in SIZES.items() if int in kinds) > 0
        and _has_usual_heads(fields)
        and (is_unused or not {**known.defaults, **fields}.get("sliding_window"))
        and not fields.get("use_sliding_window")
        and not fields.get("per_layer_config")
        and (
            known.is_remote
            or all(_is_known_rope(fields.get(name)) for name in ("rope_parameters", "rope_scaling"))
        )
    )


def _is_usual(value: object, usual: object) -> bool:
    """Whether an optional field's value is of the kind of its default."""
    return usual is None or type(value) in _KINDS[type(usual)]


def _has_usual_heads(fields: Mapping[str, Any]) -> bool:
    """Whether the heads share the width evenly, and each can be rotated in pairs."""
    head_dim, rest = divmod(fields["hidden_size"], fields["num_attention_heads"])
    given = fields.get("head_dim")
    head_dim = head_dim if given is None else given
    return rest == 0 and type(head_dim) is int and head_dim > 0 and head_dim % 2 == 0


def _is_known_rope(found: object) -> bool:
    if found is None:
        return True
    if not isinstance(found, dict):
        return False
    kind = found.get("rope_type") or found.get("type") or "default"
    numbers = _ROPE_NUMBERS.get(kind) if isinstance(kind, str) else None
    if numbers is None:
        return False
    optional = ["rope_theta"] if "rope_theta" in found else []
    return all(type(found.get(name)) in (int, float) for name in [*numbers, *optional])
