"""SmolLM3: Llama with layers that know no positions."""

from max.pipelines.architectures.smollm3.arch import smollm3_arch

ARCHITECTURES = [smollm3_arch]

__all__ = ["ARCHITECTURES", "smollm3_arch"]
