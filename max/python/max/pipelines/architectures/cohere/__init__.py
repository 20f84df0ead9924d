"""Command R: attention and MLP side by side, layer norms without biases, scaled logits."""

from max.pipelines.architectures.cohere.arch import cohere_arch

ARCHITECTURES = [cohere_arch]

__all__ = ["ARCHITECTURES", "cohere_arch"]
