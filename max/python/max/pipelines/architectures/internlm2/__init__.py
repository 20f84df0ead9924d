"""InternLM2: Llama under other names, with stacked projections. Its code is not run."""

from max.pipelines.architectures.internlm2.arch import internlm2_arch

ARCHITECTURES = [internlm2_arch]

__all__ = ["ARCHITECTURES", "internlm2_arch"]
