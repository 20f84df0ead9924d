"""Errors of graph building, told in the terms of the op and of the caller's line."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

_GRAPH = str(Path(__file__).parent)
_NOT_THE_CALLER = (_GRAPH, contextlib.__file__)


def caller() -> str:
    """`file:line, in function: code` of the innermost frame outside `max.graph`."""
    frame = _calling_frame()
    file, line = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(file, line).strip()
    return f"{file}:{line}, in {frame.f_code.co_name}: {code}"


def caller_line() -> str:
    """`file:line` of that frame, the file without its folder."""
    frame = _calling_frame()
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _calling_frame() -> FrameType:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_THE_CALLER):
        frame = frame.f_back
    return frame


def op_error(op: str, reason: str, operands: Sequence[object] = ()) -> str:
    """The message of an op that cannot be built: its name, why, its operands, the caller's line."""
    shown = "".join(f"\n  operand {i}: {o}" for i, o in enumerate(operands))
    return f"ops.{op}: {reason}{shown}\n  at {caller()}"
