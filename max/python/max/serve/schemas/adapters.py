"""`POST /v1/load_lora_adapter` and `POST /v1/unload_lora_adapter`, as MAX documents them."""

from __future__ import annotations

from typing import Literal

import msgspec
from pydantic import Field

from max.serve.schemas.sampling_fields import Label
from max.serve.schemas.validation import RequestModel


class LoadAdapterRequest(RequestModel):
    """An adapter that is to be loaded."""

    lora_name: Label = Field(min_length=1, description="What requests name as their model.")
    lora_path: Label = Field(
        min_length=1, description="Its folder on the server, as PEFT's save_pretrained writes it."
    )


class UnloadAdapterRequest(RequestModel):
    """An adapter that is not needed any more."""

    lora_name: Label = Field(min_length=1)


class AdapterChange(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter was loaded, or unloaded."""

    status: Literal["success"] = "success"
    message: str
