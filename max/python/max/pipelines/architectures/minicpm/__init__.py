"""MiniCPM: Llama with a factor for embeddings, residuals and logits. Its code is not run."""

from max.pipelines.architectures.minicpm.arch import minicpm_arch

ARCHITECTURES = [minicpm_arch]

__all__ = ["ARCHITECTURES", "minicpm_arch"]
