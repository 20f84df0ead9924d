"""Which fields of config.json a family computes with, so that no other is passed over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from max.pipelines.modeling.errors import ModelSourceError

# What changes nothing in what any model computes for an answer.
_BOOKKEEPING = "architectures auto_map generation_config model_type name_or_path unsloth_version"
_ENCODING = "dtype quantization_config torch_dtype transformers.js_config transformers_version"
_TRAINING = (
    "attention_dropout attention_probs_dropout_prob attn_pdrop classifier_dropout dropout "
    "embd_pdrop embedding_dropout gradient_checkpointing hidden_dropout hidden_dropout_prob "
    "initializer_range layerdrop output_router_logits resid_pdrop router_aux_loss_coef "
    "router_jitter_noise router_z_loss_coef unsloth_fixed"
)
_TOKENS = "bos_token_id eos_token_id pad_token_id sep_token_id tokenizer_class unk_token_id"
_GENERATION = (
    "chunk_size_feed_forward diversity_penalty do_sample id2label is_decoder label2id "
    "length_penalty max_length min_length model_max_length num_beam_groups num_beams num_labels "
    "num_return_sequences output_attentions output_hidden_states problem_type repetition_penalty "
    "return_dict seq_length temperature top_k top_p typical_p use_cache"
)
_INERT = frozenset(" ".join((_BOOKKEEPING, _ENCODING, _TRAINING, _TOKENS, _GENERATION)).split())
# Factors by which nothing is multiplied, of families that have none.
_ONES = frozenset(
    {
        "attention_multiplier",
        "embedding_multiplier",
        "logit_scale",
        "logits_scaling",
        "partial_rotary_factor",
        "residual_multiplier",
        "rotary_pct",
    }
)
# What says something of windows alone.
_OF_WINDOWS = frozenset({"max_window_layers", "sliding_window", "sliding_window_pattern"})
# By parts of their names. Of others than these sizes of files and memory are the limit.
_MOST: Mapping[str, int] = {"layer": 1 << 12, "expert": 1 << 16, "heads": 1 << 20}
_MOST_OF_ANY = 1 << 48
# What every decoder's config.json has.
SIZES: Mapping[str, tuple[type, ...]] = {
    "hidden_act": (str,),
    "hidden_size": (int,),
    "intermediate_size": (int,),
    "max_position_embeddings": (int,),
    "num_attention_heads": (int,),
    "num_hidden_layers": (int,),
    "num_key_value_heads": (int,),
    "rms_norm_eps": (float,),
    "vocab_size": (int,),
}
# What every decoder's may have, and what it means where it does not.
_USUAL: Mapping[str, object] = {
    "attention_output_bias": None,  # of GGUF files, where every bias is optional by itself
    "head_dim": None,
    "rope_freq_factors": None,
    "rope_parameters": None,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
}


@dataclass(frozen=True)
class ConfigFields:
    """The fields that a family knows, beside those of every decoder.

    Args:
        model_type: of its files.
        own: names that its configuration class reads, and what each means that is not there, or
            another meaning of one of every decoder.
        only: names that it knows, and the values of them that it computes; None always is one.
        ignored: names that change nothing in what the family's reference implementation computes.
        is_completed: whether transformers has values of its own for fields that the file does not
            have, beside those of `own`, so that it has to read it.
        is_remote: whether transformers does not know the family: its checkpoints bring code, which
            is not run.
        quantizations: the kinds of `quantization_config` whose tensors its adapter reads.
    """

    model_type: str
    own: Mapping[str, object] = field(default_factory=dict)
    only: Mapping[str, Collection[object]] = field(default_factory=dict)
    ignored: Collection[str] = ()
    is_completed: bool = False
    is_remote: bool = False
    quantizations: Collection[str] = ()

    @property
    def defaults(self) -> Mapping[str, object]:
        """What fields mean that are not there, by name."""
        return {**_USUAL, **self.own}

    def check(self, content: Mapping[str, Any], path: Path) -> None:
        """Refuses what the family would pass over.

        A name that is not known may be empty, 0 or false: what it stands for is switched off. So
        may a factor of 1, and settings of windows that no layer has or that are as long as texts.

        Args:
            content: of config.json.
            path: the file, for the message.

        Raises:
            ModelSourceError: naming each field that is not supported, and its value.
        """
        wrong = [
            f"{name}={value!r} ({self._expected(name)})"
            for name, value in content.items()
            if not (self._is_supported(name, value) or _changes_nothing(name, content))
        ]
        if wrong:
            raise ModelSourceError(
                f"{path} has what this release does not compute: {', '.join(wrong)}. If a field "
                "changes nothing in this model, remove it from the file; if it does, the model "
                "needs an architecture of its own (--custom-architectures)."
            )

    def _is_supported(self, name: str, value: object) -> bool:
        if name in self.only:
            return value is None or value in self.only[name]
        known = (SIZES, self.defaults, self.ignored, _INERT)
        return any(name in names for names in known) or name.startswith("_") or not value

    def _expected(self, name: str) -> str:
        known = self.only.get(name)
        return f"supported: {', '.join(map(repr, known))}" if known else "not known"


def _changes_nothing(name: str, content: Mapping[str, Any]) -> bool:
    """Whether a field that a family does not have is without effect where there were one."""
    window, length = content.get("sliding_window"), content.get("max_position_embeddings")
    is_whole = isinstance(window, int) and isinstance(length, int) and window >= length
    has_window = window and not is_whole and content.get("use_sliding_window", True)
    return (name in _OF_WINDOWS and not has_window) or (name in _ONES and content[name] == 1)


def check_counts(content: Mapping[str, Any], path: Path) -> None:
    """Refuses counts that no model has, before somebody counts as far.

    Args:
        content: of config.json, or of a part of it.
        path: the file, for the message.

    Raises:
        ModelSourceError: naming the field.
    """
    for name, value in content.items():
        if isinstance(value, dict):
            check_counts(value, path)
        elif type(value) is int:
            most = next((most for part, most in _MOST.items() if part in name), _MOST_OF_ANY)
            if value > most:
                raise ModelSourceError(f"{path} has {name}={value}; no model has more than {most}")
