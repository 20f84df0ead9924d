"""Operations of our own, one folder each: schema, reference, and what runs faster.

Importing this package registers them with torch as `torch.ops.max.*`.
"""

from max.kernels.choose_tokens import choose_tokens
from max.kernels.elementwise import elementwise
from max.kernels.flash_attention_ragged import flash_attention_ragged
from max.kernels.gated import gated
from max.kernels.gather_rows import gather_rows
from max.kernels.last_rows import last_rows
from max.kernels.layer_norm import layer_norm
from max.kernels.lora_embedding import lora_embedding
from max.kernels.lora_linear import lora_linear
from max.kernels.packed_embedding import packed_embedding
from max.kernels.packed_linear import packed_linear
from max.kernels.quantized_embedding import quantized_embedding
from max.kernels.quantized_matmul import quantized_matmul
from max.kernels.rms_norm import rms_norm
from max.kernels.rope_store_ragged import rope_store_ragged
from max.kernels.scaled_matmul import scaled_matmul

__all__ = [
    "choose_tokens",
    "elementwise",
    "flash_attention_ragged",
    "gated",
    "gather_rows",
    "last_rows",
    "layer_norm",
    "lora_embedding",
    "lora_linear",
    "packed_embedding",
    "packed_linear",
    "quantized_embedding",
    "quantized_matmul",
    "rms_norm",
    "rope_store_ragged",
    "scaled_matmul",
]
