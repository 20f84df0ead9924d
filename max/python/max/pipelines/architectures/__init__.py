"""The architectures of the tree, one line each. Importing this imports none of them."""

from max.pipelines.lib.registry import PIPELINE_REGISTRY
from max.pipelines.modeling.task import PipelineTask

# `architectures[0]` of the checkpoints, the module here that registers it, the name in it.
ARCHITECTURES = (
    ("Cohere2ForCausalLM", ".cohere2.arch", "cohere2_arch"),
    ("CohereForCausalLM", ".cohere.arch", "cohere_arch"),
    ("DeepseekV2ForCausalLM", ".deepseek_v2.arch", "deepseek_v2_arch"),
    ("DeepseekV3ForCausalLM", ".deepseek_v3.arch", "deepseek_v3_arch"),
    ("Exaone4ForCausalLM", ".exaone4.arch", "exaone4_arch"),
    ("FalconForCausalLM", ".falcon.arch", "falcon_arch"),
    ("GPT2LMHeadModel", ".gpt2.arch", "gpt2_arch"),
    ("Gemma2ForCausalLM", ".gemma2.arch", "gemma2_arch"),
    ("Gemma3ForCausalLM", ".gemma3.arch", "gemma3_arch"),
    ("GemmaForCausalLM", ".gemma.arch", "gemma_arch"),
    ("Glm4ForCausalLM", ".glm4.arch", "glm4_arch"),
    ("Glm4MoeForCausalLM", ".glm4_moe.arch", "glm4_moe_arch"),
    ("GptOssForCausalLM", ".gpt_oss.arch", "gpt_oss_arch"),
    ("GraniteForCausalLM", ".granite.arch", "granite_arch"),
    ("GraniteMoeForCausalLM", ".granitemoe.arch", "granitemoe_arch"),
    ("InternLM2ForCausalLM", ".internlm2.arch", "internlm2_arch"),
    ("LlamaForCausalLM", ".llama3.arch", "llama_arch"),
    ("Llama4ForCausalLM", ".llama4.arch", "llama4_arch"),
    ("MiniCPMForCausalLM", ".minicpm.arch", "minicpm_arch"),
    ("Ministral3ForCausalLM", ".ministral3.arch", "ministral3_arch"),
    ("MistralForCausalLM", ".mistral.arch", "mistral_arch"),
    ("MixtralForCausalLM", ".mixtral.arch", "mixtral_arch"),
    ("NemotronForCausalLM", ".nemotron.arch", "nemotron_arch"),
    ("Olmo2ForCausalLM", ".olmo2.arch", "olmo2_arch"),
    ("Olmo3ForCausalLM", ".olmo3.arch", "olmo3_arch"),
    ("OlmoForCausalLM", ".olmo.arch", "olmo_arch"),
    ("OlmoeForCausalLM", ".olmoe.arch", "olmoe_arch"),
    ("Phi3ForCausalLM", ".phi3.arch", "phi3_arch"),
    ("PhiForCausalLM", ".phi.arch", "phi_arch"),
    ("PhimoeForCausalLM", ".phimoe.arch", "phimoe_arch"),
    ("Qwen2ForCausalLM", ".qwen2.arch", "qwen2_arch"),
    ("Qwen2MoeForCausalLM", ".qwen2_moe.arch", "qwen2_moe_arch"),
    ("Qwen3ForCausalLM", ".qwen3.arch", "qwen3_arch"),
    ("Qwen3MoeForCausalLM", ".qwen3_moe.arch", "qwen3_moe_arch"),
    ("SmolLM3ForCausalLM", ".smollm3.arch", "smollm3_arch"),
    ("StableLmForCausalLM", ".stablelm.arch", "stablelm_arch"),
    ("Starcoder2ForCausalLM", ".starcoder2.arch", "starcoder2_arch"),
)

# Those that embed texts.
EMBEDDERS = (
    ("BertModel", ".bert.arch", "bert_arch"),
    ("MPNetForMaskedLM", ".mpnet.arch", "mpnet_masked_arch"),
    ("MPNetModel", ".mpnet.arch", "mpnet_arch"),
    ("ModernBertModel", ".modernbert.arch", "modernbert_arch"),
    ("Qwen3ForCausalLM", ".qwen3_embedding.arch", "qwen3_embedding_arch"),
    ("Qwen3Model", ".qwen3_embedding.arch", "qwen3_model_arch"),
)

for _name, _module, _symbol in ARCHITECTURES:
    PIPELINE_REGISTRY.register_lazy(_name, _module, _symbol, package=__name__)
for _name, _module, _symbol in EMBEDDERS:
    PIPELINE_REGISTRY.register_lazy(
        _name, _module, _symbol, package=__name__, task=PipelineTask.EMBEDDINGS_GENERATION
    )
