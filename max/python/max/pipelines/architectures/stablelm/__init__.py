"""StableLM: layer norms, a quarter of each head turned, blocks of two kinds."""

from max.pipelines.architectures.stablelm.arch import stablelm_arch

ARCHITECTURES = [stablelm_arch]

__all__ = ["ARCHITECTURES", "stablelm_arch"]
