"""Reads the tensors that a session's printer has written."""

from __future__ import annotations

from os import PathLike

from max.driver.buffer import Buffer


def load_max_buffer(path: str | PathLike[str]) -> Buffer:
    """A tensor that the print style BINARY or BINARY_MAX_CHECKPOINT has written.

    Args:
        path: the file, `layers.0-output-0.pt`.

    Raises:
        OSError: if there is no such file.
        ValueError: if it holds no tensor.
    """
    import torch

    try:
        tensor = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:
        # Whatever bytes that are no file of torch make its reader raise.
        raise ValueError(f"{path} holds no tensor: {error}") from error
    if not isinstance(tensor, torch.Tensor):
        raise ValueError(f"{path} holds a {type(tensor).__name__}, not a tensor")
    return Buffer(tensor)
