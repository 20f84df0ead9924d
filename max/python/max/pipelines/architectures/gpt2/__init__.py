"""GPT-2: learned positions, layer norms, biases, matrices that stand the other way round."""

from max.pipelines.architectures.gpt2.arch import gpt2_arch

ARCHITECTURES = [gpt2_arch]

__all__ = ["ARCHITECTURES", "gpt2_arch"]
