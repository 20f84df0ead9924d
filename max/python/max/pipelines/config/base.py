"""What all configuration models share: strictness, and options that are yet to come."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from max.pipelines.config.unavailable import UNAVAILABLE, asks_for_nothing, unavailable_fields


class ConfigModel(BaseModel):
    """Base of the configuration models: unknown fields are errors, assignments are checked too.

    Each has the fields of its entry in `UNAVAILABLE` beside its own. They only work at their
    defaults so far, and the command line does not list their flags.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, protected_namespaces=())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, (default, *_) in UNAVAILABLE.get(cls.__name__, {}).items():
            cls.__annotations__[name] = Annotated[_type_of(default), "not available"]
            setattr(cls, name, Field(default=default, description="Not available yet."))

    @classmethod
    def is_available(cls, field_name: str) -> bool:
        """Whether the field may differ from its default in this release."""
        return field_name not in unavailable_fields(cls)

    @model_validator(mode="after")
    def _refuse_unavailable_options(self) -> Self:
        refused = []
        for name, accepted in unavailable_fields(type(self)).items():
            value = getattr(self, name)
            if not asks_for_nothing(value, accepted):
                flag = "--" + name.replace("_", "-")
                others = "".join(f", or give {other!r}" for other in accepted[1:])
                refused.append(
                    f"{name}={value!r} ({flag}) is not supported in this release; "
                    f"leave it at its default, {accepted[0]!r}{others}"
                )
        if refused:
            raise ValueError("; ".join(refused))
        return self


def _type_of(default: object) -> Any:
    if default is None:
        return Any  # whatever is given is refused with the option's name
    return list[str] if isinstance(default, list) else type(default)
