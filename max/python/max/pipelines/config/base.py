"""What all configuration models share: strictness, and a mark for options yet to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


@dataclass(frozen=True)
class NotInThisRelease:
    """Marks a documented option that only works at its default so far.

    Put it into a field's annotation: `Annotated[bool, NotInThisRelease()]`. Any other value is
    refused, and the command line does not list the flag in its help.
    """


class ConfigModel(BaseModel):
    """Base of the configuration models: unknown fields are errors, assignments are checked too."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, protected_namespaces=())

    @classmethod
    def is_available(cls, field_name: str) -> bool:
        """Whether the field may differ from its default in this release."""
        metadata = cls.model_fields[field_name].metadata
        return not any(isinstance(entry, NotInThisRelease) for entry in metadata)

    @model_validator(mode="after")
    def _refuse_unavailable_options(self) -> Self:
        refused = []
        for name, field in type(self).model_fields.items():
            if type(self).is_available(name):
                continue
            value, default = getattr(self, name), field.get_default(call_default_factory=True)
            if value != default:
                flag = "--" + name.replace("_", "-")
                shown = "..." if isinstance(value, ConfigModel) else repr(value)
                refused.append(
                    f"{name}={shown} ({flag}) is not supported in this release; "
                    f"leave it at its default, {default!r}"
                )
        if refused:
            raise ValueError("; ".join(refused))
        return self
