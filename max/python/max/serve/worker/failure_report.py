"""What a user should read when the worker could not start."""

from __future__ import annotations

import traceback
from pathlib import Path

# max/serve/worker/failure_report.py
PACKAGE_FOLDER = Path(__file__).resolve().parents[2]


def report_failure(error: Exception) -> str:
    """The message alone when our own code refused something, the traceback otherwise.

    A file that is missing, a weight of the wrong shape or too little memory is told in full by its
    message. Anything else, such as an error inside a custom architecture, needs to be seen where
    it happened.
    """
    if isinstance(error, ValueError | OSError | MemoryError) and _raised_by_us(error):
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error)).rstrip()


def _raised_by_us(error: Exception) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).resolve().is_relative_to(PACKAGE_FOLDER)
