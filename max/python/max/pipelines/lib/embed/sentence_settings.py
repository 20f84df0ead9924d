"""What sentence-transformers' files beside a checkpoint say of its embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from max.pipelines.checkpoint.contained import is_plain_name
from max.pipelines.checkpoint.hf_files import read_json, read_json_if_there
from max.pipelines.checkpoint.json_files import read_json_value
from max.pipelines.lib.embed.pooling import Pooling
from max.pipelines.lib.utils import upper_bounded_default
from max.pipelines.modeling.errors import ModelSourceError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from max.pipelines.config import PipelineConfig

# What embedders, and among them encoders, insist on (`SupportedArchitecture.required_arguments`):
# a text gives its vector in the step that computes it, an encoder computes it whole.
EMBEDDER_ARGUMENTS: Mapping[str, Any] = {"enable_overlap_scheduler": False}
ENCODER_ARGUMENTS: Mapping[str, Any] = {
    **EMBEDDER_ARGUMENTS,
    "enable_chunked_prefill": False,
    "enable_prefix_caching": False,
}
_MODULES = "modules.json"
# What the names of older pooling files begin with: `pooling_mode_mean_tokens: true`.
_OLD_MODES: Mapping[str, str] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True)
class SentenceSettings:
    """How a text becomes a vector.

    Attributes:
        pooling: how its tokens' vectors become one; None where no file says it.
        is_normalized: whether that has length 1.
        prompt: stands before every text.
        is_lowercase: whether texts are written in small letters first.
        max_length: most tokens of a text; None where no file says it.
    """

    pooling: Pooling | None = None
    is_normalized: bool = True
    prompt: str = ""
    is_lowercase: bool = False
    max_length: int | None = None

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Reads the files of a checkpoint; without any, vectors are normalized.

        Raises:
            ModelSourceError: naming a module or a kind of pooling that is not supported.
        """
        if not makes_embeddings(folder):
            return cls()
        pooling, is_normalized = None, False
        for module in _modules(folder / _MODULES):
            match str(module["type"]).rpartition(".")[2]:
                case "Transformer":
                    pass
                case "Pooling":
                    pooling = _pooling(folder / module["path"] / "config.json")
                case "Normalize":
                    is_normalized = True
                case kind:
                    raise ModelSourceError(
                        f"{folder / _MODULES} has the module '{kind}' ({module['type']}), which is "
                        "not supported; known: Transformer, Pooling, Normalize"
                    )
        text_file = folder / "sentence_bert_config.json"
        text = read_json_if_there(text_file)
        max_length = text.get("max_seq_length")
        if max_length is not None and (type(max_length) is not int or max_length < 1):
            raise ModelSourceError(f"{text_file}: max_seq_length is {max_length!r}, no length")
        return cls(
            pooling,
            is_normalized,
            _default_prompt(folder / "config_sentence_transformers.json"),
            bool(text.get("do_lower_case")),
            max_length,
        )


def makes_embeddings(folder: Path) -> bool:
    """Whether a checkpoint has sentence-transformers' files."""
    return any(
        (folder / name).is_file() for name in (_MODULES, "config_sentence_transformers.json")
    )


def encoder_max_length(
    pipeline_config: PipelineConfig, huggingface_config: PretrainedConfig, first_position: int = 0
) -> int:
    """Most tokens of a text: `--max-length`, else what the model's files say.

    Args:
        pipeline_config: all settings.
        huggingface_config: config.json.
        first_position: the position of a text's first token.

    Raises:
        ValueError: if `--max-length` is more than the model's positions.
    """
    model = pipeline_config.model
    positions: int = huggingface_config.max_position_embeddings - first_position
    if model.max_length is None:
        told = SentenceSettings.of(model.resolved_model_path).max_length
        return min(positions, told or positions)
    return upper_bounded_default(positions, model.max_length)


def _modules(path: Path) -> list[dict[str, Any]]:
    """The parts of a sentence transformer, in order; none where it is not said."""
    if not path.is_file():
        return []
    found = read_json_value(path)
    keys = {"type", "path"}
    if not (isinstance(found, list) and all(isinstance(m, dict) and keys <= set(m) for m in found)):
        raise ModelSourceError(f"{path} should be a list of objects with 'type' and 'path'")
    for module in found:
        if module["path"] != "" and not is_plain_name(module["path"]):
            raise ModelSourceError(
                f"{path} has the path {module['path']!r:.200}, which is no folder of the model's"
            )
    return found


def _pooling(path: Path) -> Pooling:
    config: Mapping[str, Any] = read_json(path)
    found = config.get("pooling_mode") or [
        mode for name, mode in _OLD_MODES.items() if config.get(name)
    ]
    modes = [str(mode) for mode in (found if isinstance(found, list) else [found])]
    if len(modes) != 1 or modes[0] not in list(Pooling) or not config.get("include_prompt", True):
        without = "" if config.get("include_prompt", True) else " without the prompt's tokens"
        raise ModelSourceError(
            f"{path} asks for pooling by {' and '.join(modes) or 'nothing'}{without}, which is not "
            f"supported; known: one of {', '.join(Pooling)}, of all tokens"
        )
    return Pooling(modes[0])


def _default_prompt(path: Path) -> str:
    config = read_json_if_there(path)
    name = config.get("default_prompt_name")
    if name is None:
        return ""
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict):
        raise ModelSourceError(f"{path}: prompts should be an object, not {prompts!r:.200}")
    if not isinstance(name, str) or name not in prompts:
        raise ModelSourceError(
            f"{path}: default_prompt_name is {name!r}; prompts has {', '.join(prompts) or 'none'}"
        )
    return str(prompts[name])
