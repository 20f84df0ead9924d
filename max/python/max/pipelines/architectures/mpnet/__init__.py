"""MPNet: BERT's blocks with one bias for each distance between tokens, without kinds of text."""

from max.pipelines.architectures.mpnet.arch import mpnet_arch, mpnet_masked_arch

ARCHITECTURES = [mpnet_arch, mpnet_masked_arch]

__all__ = ["ARCHITECTURES", "mpnet_arch", "mpnet_masked_arch"]
