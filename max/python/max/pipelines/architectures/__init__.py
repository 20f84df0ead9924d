"""The architectures of the tree, one line each. Importing this imports none of them."""

from max.pipelines.lib.lazy_architecture import LazyArchitecture
from max.pipelines.lib.registry import PIPELINE_REGISTRY

ARCHITECTURES = (
    LazyArchitecture("LlamaForCausalLM", f"{__name__}.llama3.arch", "llama_arch"),
    LazyArchitecture("Qwen2ForCausalLM", f"{__name__}.qwen2.arch", "qwen2_arch"),
)

for _entry in ARCHITECTURES:
    PIPELINE_REGISTRY.register_lazy(_entry)
