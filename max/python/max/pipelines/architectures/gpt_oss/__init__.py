"""gpt-oss: experts with biases, and a sink for each head."""

from max.pipelines.architectures.gpt_oss.arch import gpt_oss_arch

ARCHITECTURES = [gpt_oss_arch]

__all__ = ["ARCHITECTURES", "gpt_oss_arch"]
