"""How tensors that a graph prints are shown or saved."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch


class PrintStyle(StrEnum):
    """What `TensorValue.print` does when the model runs."""

    COMPACT = "COMPACT"
    FULL = "FULL"
    BINARY = "BINARY"
    BINARY_MAX_CHECKPOINT = "BINARY_MAX_CHECKPOINT"
    NONE = "NONE"


class DebugPrinter:
    """Prints tensors to standard output, or writes them to files.

    Args:
        style: COMPACT elides the middle of long axes, FULL shows every element, BINARY and
            BINARY_MAX_CHECKPOINT write `<label>-<n>.pt` files (read them with `torch.load`), NONE
            does nothing.
        precision: digits after the decimal point.
        output_directory: where files go; needed for the binary styles.
    """

    def __init__(
        self,
        style: PrintStyle = PrintStyle.COMPACT,
        precision: int = 6,
        output_directory: Path | None = None,
    ) -> None:
        if style.name.startswith("BINARY") and output_directory is None:
            raise ValueError(f"print style {style.value} writes files: give output_directory")
        self.style = style
        self.precision = precision
        self.output_directory = output_directory
        self._counts: Counter[str] = Counter()

    def __call__(self, tensor: torch.Tensor, label: str) -> None:
        """Shows or saves one tensor."""
        if self.style is PrintStyle.NONE:
            return
        if self.output_directory is not None and self.style.name.startswith("BINARY"):
            self.output_directory.mkdir(parents=True, exist_ok=True)
            torch.save(tensor.cpu(), self.output_directory / f"{label}-{self._counts[label]}.pt")
            self._counts[label] += 1
            return
        threshold = tensor.numel() if self.style is PrintStyle.FULL else 64
        array = tensor.float().cpu().numpy() if tensor.is_floating_point() else tensor.cpu().numpy()
        shown = np.array2string(array, precision=self.precision, threshold=threshold)
        dtype = str(tensor.dtype).removeprefix("torch.")
        print(f"{label}: {dtype} {list(tensor.shape)}\n{shown}", flush=True)
