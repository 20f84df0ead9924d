"""What every pipeline and every tokenizer can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

from max.pipelines.modeling.request_id import RequestID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

InputsT = TypeVar("InputsT")
OutputT = TypeVar("OutputT")
ContextT_co = TypeVar("ContextT_co", covariant=True)
RequestT_contra = TypeVar("RequestT_contra", contravariant=True)


class Pipeline(ABC, Generic[InputsT, OutputT]):
    """Runs steps of a model over batches of requests.

    A pipeline keeps no state of a request besides its KV pages, which `release` frees.
    """

    @abstractmethod
    def execute(self, inputs: InputsT) -> dict[RequestID, OutputT]:
        """Runs one step for every request in `inputs` and updates their contexts.

        Returns:
            What the step gave each request. A request whose prompt is not finished has an output
            without tokens.
        """

    @abstractmethod
    def release(self, request_id: RequestID) -> None:
        """Frees everything held for a request. Always safe, also for an unknown request."""


@runtime_checkable
class PipelineTokenizer(Protocol[ContextT_co, RequestT_contra]):
    """Turns requests into contexts, and tokens into text."""

    @property
    def eos(self) -> int:
        """The token that ends an answer."""
        ...

    async def new_context(self, request: RequestT_contra) -> ContextT_co:
        """Makes the state of a new request.

        Raises:
            InputError: If the request cannot be served as given.
        """
        ...

    async def encode(self, prompt: str, add_special_tokens: bool = True) -> NDArray[np.int64]:
        """The token ids of a text, `int64[num_tokens]`."""
        ...

    async def decode(self, tokens: int | NDArray[np.int64], **options: Any) -> str:
        """The text of one token or of many."""
        ...
