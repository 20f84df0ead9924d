"""Llama 2, 3, 3.1, 3.2 and their descendants; the base of most other families."""

from max.pipelines.architectures.llama3.arch import llama_arch

ARCHITECTURES = [llama_arch]

__all__ = ["ARCHITECTURES", "llama_arch"]
