"""Arguments that the documented signatures have and this release does not implement."""

from __future__ import annotations


def reject_unsupported(layer: str, **arguments: object) -> None:
    """Refuses arguments that are set.

    Args:
        layer: the layer's name.
        arguments: each argument's value; anything but None, False and 0 counts as set.

    Raises:
        NotImplementedError: naming the arguments that are set.
    """
    given = [f"{name}={value!r}" for name, value in arguments.items() if value]
    if given:
        raise NotImplementedError(f"{layer}: not supported in this release: {', '.join(given)}")
