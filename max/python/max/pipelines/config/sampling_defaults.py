"""The sampling parameters that a model recommends in its generation_config.json."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from max.pipelines.checkpoint.hf_files import read_json_if_there
from max.pipelines.context import InputError, SamplingParams
from max.pipelines.modeling.errors import ModelSourceError

_LARGEST = 1e15


@dataclass(frozen=True)
class SamplingParamsGenerationConfigDefaults:
    """What generation_config.json says; None where it says nothing."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_new_tokens: int | None = None
    min_new_tokens: int | None = None
    do_sample: bool | None = None

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Reads the folder's generation_config.json; all None without one.

        Raises:
            ModelSourceError: if the file is malformed, or a value is none that can be sampled with.
        """
        path = folder / "generation_config.json"
        content = read_json_if_there(path)
        defaults = cls(**{f.name: content.get(f.name) for f in fields(cls)})
        values = defaults.values_to_update
        for name, value in values.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and -_LARGEST < value < _LARGEST):
                raise ModelSourceError(
                    f"{path}: {name} is {value!r:.200}, which is not a number that it can be"
                )
        try:
            SamplingParams(**values)
        except InputError as error:
            raise ModelSourceError(f"{path} recommends what cannot be used: {error}") from error
        return defaults

    @property
    def values_to_update(self) -> dict[str, Any]:
        """Arguments for `SamplingParams`; `do_sample: false` becomes temperature 0: greedy."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "do_sample"}
        if self.do_sample is False:
            values |= {"temperature": 0.0, "top_p": None, "top_k": None, "min_p": None}
        if values["top_k"] == 0:  # Hugging Face's 0 means no limit, which is the default here
            values["top_k"] = None
        return {name: value for name, value in values.items() if value is not None}
