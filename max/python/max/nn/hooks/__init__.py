"""Watching the layers of a model while it runs."""

from max.nn.hooks.print_hook import PrintHook

__all__ = ["PrintHook"]
