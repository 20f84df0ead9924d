"""The architectures of the tree, one line each. Importing this imports none of them."""

from max.pipelines.lib.registry import PIPELINE_REGISTRY

# `architectures[0]` of the checkpoints, the module here that registers it, the name in it.
ARCHITECTURES = (
    ("Gemma2ForCausalLM", ".gemma2.arch", "gemma2_arch"),
    ("Gemma3ForCausalLM", ".gemma3.arch", "gemma3_arch"),
    ("GemmaForCausalLM", ".gemma.arch", "gemma_arch"),
    ("GraniteForCausalLM", ".granite.arch", "granite_arch"),
    ("LlamaForCausalLM", ".llama3.arch", "llama_arch"),
    ("MistralForCausalLM", ".mistral.arch", "mistral_arch"),
    ("Olmo2ForCausalLM", ".olmo2.arch", "olmo2_arch"),
    ("Qwen2ForCausalLM", ".qwen2.arch", "qwen2_arch"),
    ("Qwen3ForCausalLM", ".qwen3.arch", "qwen3_arch"),
)

for _name, _module, _symbol in ARCHITECTURES:
    PIPELINE_REGISTRY.register_lazy(_name, _module, _symbol, package=__name__)
