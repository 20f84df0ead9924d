"""The twin of `max.nn.hooks.PrintHook` for models of PyTorch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import torch

ROOT = "model"


class TorchPrintHook:
    """Prints tensors by the path of their module each time that the model runs.

    What is printed of module X: `X-input`, its first tensor of floating point numbers, and
    `X-output`, the first one that it gives. The root is called `model`.

    Args:
        export_path: folder for files, `X-output-0.pt`, that `torch.load` reads; None to print.
    """

    def __init__(self, export_path: str | Path | None = None) -> None:
        self.export_path = None if export_path is None else Path(export_path)
        self._handles: list[Any] = []
        self._counts: Counter[str] = Counter()

    def name_layers(self, model: torch.nn.Module) -> None:
        """Watches all modules of a model."""
        for path, module in model.named_modules():
            hook = self._hook(path or ROOT)
            self._handles.append(module.register_forward_hook(hook, with_kwargs=True))

    def remove(self) -> None:
        """Leaves the modules as they were."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def print_value(self, name: str, value: torch.Tensor) -> None:
        """Prints a tensor, or writes its file."""
        if self.export_path is None:
            print(f"{name}: {str(value.dtype).removeprefix('torch.')} {list(value.shape)}\n{value}")
            return
        self.export_path.mkdir(parents=True, exist_ok=True)
        torch.save(value.cpu(), self.export_path / f"{name}-{self._counts[name]}.pt")
        self._counts[name] += 1

    def _hook(self, path: str) -> Any:
        def after(module: object, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
            for name, values in (("input", (*args, *kwargs.values())), ("output", _flat(out))):
                value = next((v for v in values if _is_floating(v)), None)
                if value is not None:
                    self.print_value(f"{path}-{name}", value.detach())

        return after


def _flat(output: Any) -> tuple[Any, ...]:
    if isinstance(output, torch.Tensor):
        return (output,)
    if isinstance(output, dict):  # transformers' outputs are dicts
        return tuple(output.values())
    return tuple(output) if isinstance(output, (tuple, list)) else ()


def _is_floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()
