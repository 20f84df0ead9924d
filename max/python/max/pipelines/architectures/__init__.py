"""The architectures of the tree, one line each. Importing this imports none of them."""

from max.pipelines.lib.lazy_architecture import LazyArchitecture
from max.pipelines.lib.registry import PIPELINE_REGISTRY

ARCHITECTURES = (
    LazyArchitecture("LlamaForCausalLM", f"{__name__}.llama3.arch", "llama_arch", is_usual=True),
    LazyArchitecture("Qwen2ForCausalLM", f"{__name__}.qwen2.arch", "qwen2_arch", is_usual=True),
)

for _entry in ARCHITECTURES:
    PIPELINE_REGISTRY.register_lazy(_entry)
