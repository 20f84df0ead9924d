"""Operations of our own, one folder each: schema, reference, and what runs faster.

Importing this package registers them with torch as `torch.ops.max.*`.
"""

from max.kernels.add_layer_norm import add_layer_norm
from max.kernels.add_rms_norm import add_rms_norm
from max.kernels.choose_tokens import choose_tokens
from max.kernels.elementwise import elementwise
from max.kernels.experts import experts
from max.kernels.flash_attention_ragged import flash_attention_ragged
from max.kernels.gated import gated
from max.kernels.gather_rows import gather_rows
from max.kernels.head_linear import head_linear
from max.kernels.last_rows import last_rows
from max.kernels.latent_store_ragged import latent_store_ragged
from max.kernels.layer_norm import layer_norm
from max.kernels.lora_embedding import lora_embedding
from max.kernels.lora_linear import lora_linear
from max.kernels.mask_logits import mask_logits
from max.kernels.norm_rope_store_ragged import norm_rope_store_ragged
from max.kernels.packed_embedding import packed_embedding
from max.kernels.packed_linear import packed_linear
from max.kernels.penalize_logits import penalize_logits
from max.kernels.planes_experts import planes_experts
from max.kernels.planes_linear import planes_linear
from max.kernels.planes_rows import planes_rows
from max.kernels.quantized_embedding import quantized_embedding
from max.kernels.quantized_matmul import quantized_matmul
from max.kernels.rms_norm import rms_norm
from max.kernels.rope_store_ragged import rope_store_ragged
from max.kernels.route_tokens import route_tokens
from max.kernels.saved_embedding import saved_embedding
from max.kernels.saved_linear import saved_linear
from max.kernels.scaled_matmul import scaled_matmul

__all__ = [
    "add_layer_norm",
    "add_rms_norm",
    "choose_tokens",
    "elementwise",
    "experts",
    "flash_attention_ragged",
    "gated",
    "gather_rows",
    "head_linear",
    "last_rows",
    "latent_store_ragged",
    "layer_norm",
    "lora_embedding",
    "lora_linear",
    "mask_logits",
    "norm_rope_store_ragged",
    "packed_embedding",
    "packed_linear",
    "penalize_logits",
    "planes_experts",
    "planes_linear",
    "planes_rows",
    "quantized_embedding",
    "quantized_matmul",
    "rms_norm",
    "rope_store_ragged",
    "route_tokens",
    "saved_embedding",
    "saved_linear",
    "scaled_matmul",
]
