"""What is wrong with a request, told to the person who sent it."""

from __future__ import annotations

from functools import partial


class InputError(ValueError):
    """A request cannot be served as given.

    Attributes:
        param: The request's field that is wrong, when there is one.
        code: OpenAI's error code, when there is one.
    """

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        """Makes the error from what the sender shall read."""
        super().__init__(message)
        self.param = param
        self.code = code


class PromptTooLongError(InputError):
    """The prompt leaves no room for an answer.

    Attributes:
        given: The prompt's number of tokens.
        allowed: How many tokens prompt and answer may have together.
        is_more: It has more than `given`: nobody counted on.
    """

    def __init__(
        self, given: int, allowed: int, param: str = "prompt", *, is_more: bool = False
    ) -> None:
        """Makes the error from the two numbers, both in tokens, and the field: what is too long."""
        number = f"more than {given}" if is_more else str(given)
        super().__init__(
            f"This model's maximum context length is {allowed} tokens. However, your {param} "
            f"resulted in {number} tokens, which leaves no room for an answer. Please reduce the "
            f"length of the {param}. (The limit is --max-length where that is given, else the "
            "model's own.)",
            param=param,
            code="context_length_exceeded",
        )
        self.given = given
        self.allowed = allowed
        self.is_more = is_more

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles by what it was made from."""
        make = partial(type(self), is_more=self.is_more)
        return (make, (self.given, self.allowed, self.param))
