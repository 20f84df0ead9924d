"""The variants of the kernels that are compiled: of each the one that models of 8B in bfloat16 use
first, which is compiled every day."""

from __future__ import annotations

from itertools import product

import torch

from max.kernels.choose_tokens.triton import BLOCK, NUM_WARPS
from max.kernels.eight_bit_entries import factor_bytes
from max.kernels.elementwise.functions import FUNCTIONS
from max.kernels.flash_attention_ragged.triton_configs import CONFIGS, config_of
from max.kernels.gated.reference import ACTIVATIONS
from max.kernels.gpu.tuning import DEVICE_KINDS, row_config
from max.kernels.layouts.planes import PARTS
from max.kernels.mask_logits.triton import BLOCK as MASK_BLOCK
from max.kernels.mask_logits.triton import NUM_WARPS as MASK_WARPS
from max.kernels.penalize_logits.triton import BLOCK as PENALTY_BLOCK
from max.kernels.planes_linear.triton import config_of as linear_config_of
from max.kernels.planes_rows.triton import BLOCK as ROWS_BLOCK
from max.kernels.planes_rows.triton import encoding_constants
from tests.kernels.gpu.compiler import FLOAT8_KINDS, Case
from tests.kernels.gpu.model_part_cases import MODEL_PART_CASES

_ATTENTION = "flash_attention_ragged"


def _row_cases() -> list[Case]:
    cases = []
    for dim in (4096, 64, 16384):
        config = row_config(dim)
        for parts in (True, False):
            own: dict[str, object] = {"BLOCK": config.blocks["BLOCK"]}
            of_rms = Case(
                "rms_norm:rms_norm_kernel",
                dict.fromkeys(("x", "y", "weight", "total", "out"), "bf16"),
                {"MULTIPLY_BEFORE_CAST": parts, "ADDS": parts, **own},
                config.num_warps,
                variant=f"{dim} {parts}",
                is_wide=dim > 64,
            )
            of_layer = Case(
                "layer_norm:layer_norm_kernel",
                dict.fromkeys(("x", "y", "weight", "bias", "total", "out"), "bf16"),
                {"HAS_WEIGHT": True, "HAS_BIAS": parts, "ADDS": parts, **own},
                config.num_warps,
                variant=f"{dim} {parts}",
                is_wide=dim > 64,
            )
            cases += [of_rms, of_layer]
    return cases


def _elementwise_cases() -> list[Case]:
    cases = [
        Case(
            "gated:gated_kernel",
            dict.fromkeys(("gate", "up", "out"), "bf16"),
            {"ACTIVATION": activation, "BLOCK": 1024},
            variant=activation,
        )
        for activation in ACTIVATIONS
    ]
    for function, facts in FUNCTIONS.items():
        for is_number in (False, True) if facts.operands == 2 else (True,):
            fixed = {
                "A_STRIDE": 1,
                "B_STRIDE": 1,
                "B_IS_NUMBER": is_number,
                "IS_OF_TWO": facts.operands == 2,
                "FUNCTION": function,
                "BLOCK": 1024,
            }
            pointers = dict.fromkeys(("a", "b", "out"), "bf16")
            variant = f"{function} {'number' if is_number else 'tensor'}"
            cases.append(Case("elementwise:elementwise_kernel", pointers, fixed, variant=variant))
    return cases


def _copying_cases() -> list[Case]:
    return [
        Case(
            "gather_rows:gather_rows_kernel",
            {"table": "bf16", "indices": "i64", "out": "bf16"},
            {"BLOCK": 1024},
        ),
        Case(
            "last_rows:last_rows_kernel",
            {"x": "bf16", "row_offsets": "u32", "out": "bf16"},
            {"BLOCK": 1024},
        ),
    ]


def _attention_cases() -> list[Case]:
    """Models of 8B (32 heads of 128, 8 of keys), then larger heads, all options, other types."""
    cases = []
    shapes = [(4, 128, "bf16", False), (4, 256, "bf16", True), (8, 64, "bf16", True)]
    shapes += [(7, 128, "fp32", False), (1, 80, "fp16", True)]
    in_float8 = [(4, 128, "bf16", False), (8, 64, "fp16", True)]
    for phase, lines in CONFIGS.items():
        for kind in lines:
            small = [(*shape, "fp8e4nv") for shape in in_float8 if kind in FLOAT8_KINDS]
            for group, head_dim, dtype, has_options, kept in [
                *((*shape, shape[2]) for shape in shapes),
                *small,
            ]:
                config = config_of(
                    kind, group, head_dim * (4 if dtype == "fp32" else 2), phase == "decode"
                )
                assert config is not None
                parts = 32 if phase == "decode" else 1
                head_block = 1 << (head_dim - 1).bit_length()
                options = dict.fromkeys(
                    ("HAS_WINDOW", "HAS_CHUNK", "HAS_CAP", "HAS_SINKS", "HAS_BIAS"), has_options
                )
                fixed = {
                    "GROUP": group,
                    "HEAD_DIM": head_dim,
                    "WIDTH": head_dim
                    + (factor_bytes(torch.float8_e4m3fn) if kept == "fp8e4nv" else 0),
                    "HEAD_BLOCK": head_block,
                    "PAGE_SIZE": 128,
                    "CAUSAL": True,
                    "SPLITS": parts,
                    **options,
                    **config.blocks,
                }
                pointers = {
                    **dict.fromkeys(("q", "sinks", "out"), dtype),
                    "kv_blocks": kept,
                    **dict.fromkeys(("offsets", "cache_lengths", "lookup_table"), "u32"),
                    **dict.fromkeys(("bias", "partial", "largest_of_part", "sum_of_part"), "fp32"),
                }
                variant = f"{phase} {kind} {group} {head_dim} {dtype} {kept}"
                cases.append(
                    Case(
                        "flash_attention_ragged:attention_kernel",
                        pointers,
                        fixed,
                        config.num_warps,
                        config.num_stages,
                        multiplies=dtype != "fp32" or kind == "gfx942",
                        variant=variant,
                        kinds=(kind,),
                    )
                )
    join = {
        **dict.fromkeys(("partial", "largest_of_part", "sum_of_part"), "fp32"),
        "out": "bf16",
    }
    fixed = {"HEAD_DIM": 128, "HEAD_BLOCK": 128, "SPLITS": 32}
    return [*cases, Case(f"{_ATTENTION}.triton_join:join_parts_kernel", join, fixed)]


def _rope_cases() -> list[Case]:
    """Plain, interleaved, with norms, and into a cache of 8 bits."""
    pointers = {
        **dict.fromkeys(("q", "k", "v", "q_weight", "k_weight", "kv_blocks", "out"), "bf16"),
        **dict.fromkeys(("offsets", "cache_lengths", "lookup_table"), "u32"),
        "freqs_cis": "fp32",
    }
    cases = []
    for interleaved, is_normed, kept in (
        (False, False, "bf16"),
        (True, False, "bf16"),
        (False, True, "bf16"),
        (False, False, "fp8e4nv"),
        (False, True, "fp8e4nv"),
    ):
        fixed = {
            "INTERLEAVED": interleaved,
            "IS_TURNED": True,
            "IS_NORMED": is_normed,
            "MULTIPLY_BEFORE_CAST": True,
            "HAS_FACTORS": kept != "bf16",
            "HEADS": 8,
            "BLOCK": 128,
        }
        cases.append(
            Case(
                "rope_store_ragged:rope_store_ragged_kernel",
                {**pointers, "kv_blocks": kept},
                fixed,
                variant=f"interleaved {interleaved}, normed {is_normed}, {kept}",
                kinds=None if kept == "bf16" else FLOAT8_KINDS,
            )
        )
    return cases


def _choosing_cases() -> list[Case]:
    pointers = {
        "logits": "fp32",
        "top_k": "i64",
        **dict.fromkeys(("top_p", "min_p", "uniforms"), "fp64"),
        **dict.fromkeys(("keys", "ids"), "i32"),
        "tokens": "i64",
    }
    return [
        Case("choose_tokens:choose_tokens_kernel", pointers, {"BLOCK": BLOCK}, NUM_WARPS),
        Case(
            "mask_logits:mask_logits_kernel",
            {"out": "fp32", "rows": "i64", "bits": "i32"},
            {"BLOCK": MASK_BLOCK},
            MASK_WARPS,
            is_wide=False,  # each logit is read for itself, where its bit allows it
        ),
        Case(
            "penalize_logits:penalize_logits_kernel",
            {
                **dict.fromkeys(("rows", "places"), "i64"),
                **dict.fromkeys(("logits", "repetition"), "fp32"),
                **dict.fromkeys(("frequency", "presence"), "fp64"),
                "counts": "i32",
            },
            {"BLOCK": PENALTY_BLOCK},
        ),
    ]


def _planes_cases() -> list[Case]:
    """Of 4096 columns."""
    cases = []
    for encoding in PARTS:
        planes = dict.fromkeys(("first", "second", "third", "fourth"), "u8")
        own = encoding_constants(encoding)
        for kind, dtype in product(DEVICE_KINDS, ("fp32", "bf16")):
            config = linear_config_of(kind, encoding)
            cases.append(
                Case(
                    "planes_linear:planes_linear_kernel",
                    {"x": dtype, "out": dtype, **planes},
                    {**own, **config.blocks},
                    config.num_warps,
                    config.num_stages,
                    multiplies=True,
                    variant=f"{encoding} {dtype} {kind}",
                    is_wide=own["PER_BYTE"] < 4,  # else 8 bytes at a time: tiles are 64 long
                    kinds=(kind,),
                )
            )
        cases.append(
            Case(
                "planes_rows:planes_rows_kernel",
                {"indices": "i64", "out": "bf16", **planes},
                {**own, "HAS_INDICES": True, "BLOCK": ROWS_BLOCK},
                variant=encoding,
                is_wide=False,
            )
        )
    return cases


CASES = [
    *MODEL_PART_CASES,
    *_row_cases(),
    *_elementwise_cases(),
    *_copying_cases(),
    *_rope_cases(),
    *_attention_cases(),
    *_choosing_cases(),
    *_planes_cases(),
]
_OF_HOPPER = [case for case in CASES if case.kinds is None or "sm_90" in case.kinds]
FIRST_CASES = list({case.kernel: case for case in reversed(_OF_HOPPER)}.values())
