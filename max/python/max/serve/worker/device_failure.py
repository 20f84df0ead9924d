"""Exceptions after which a device computes nothing any more."""

from __future__ import annotations


def is_device_failure(error: Exception) -> bool:
    """Whether `error` leaves the process without a working accelerator.

    CUDA's errors stick to the process ("CUDA Runtime API", section 6.3: the process must be
    terminated and relaunched), so every later step would fail too. Running out of memory is no such
    error. Told by name and text: a worker without an accelerator does not need torch for this.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if "OutOfMemoryError" in names:
        return False
    return "AcceleratorError" in names or "CUDA error" in str(error) or "[CUDA]" in str(error)
