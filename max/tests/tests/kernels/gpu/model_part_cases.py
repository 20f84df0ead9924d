"""The variants of the kernels of experts, latents, adapters and weights of 8 bits that are
compiled, of each the one first that a large model of the kind uses."""

from __future__ import annotations

from itertools import product
from typing import Any

from max.kernels.experts.triton_product import CONFIGS as EXPERT_CONFIGS
from max.kernels.flash_attention_ragged.triton_configs import LATENT_CONFIGS, latent_config_of
from max.kernels.float8_entries import FACTOR_BYTES
from max.kernels.gpu.tuning import DEVICE_KINDS, row_config
from max.kernels.latent_store_ragged.triton import HEADS
from max.kernels.layouts.planes import PARTS
from max.kernels.lora_linear.triton import BLOCK_K, BLOCK_M, BLOCK_N, parts_of, warps_of
from max.kernels.planes_rows.triton import encoding_constants, tile_of
from max.kernels.saved_linear.triton import BLOCK_K as SAVED_K
from max.kernels.saved_linear.triton import BLOCK_M as SAVED_M
from max.kernels.saved_linear.triton import BLOCK_N as SAVED_N
from max.kernels.scaled_matmul.triton import CONFIGS as SCALED_CONFIGS
from tests.kernels.gpu.compiler import FLOAT8_KINDS, Case

_OFFSETS = dict.fromkeys(("offsets", "cache_lengths", "lookup_table"), "u32")


def _routing_cases() -> list[Case]:
    """Qwen3's 128 experts, DeepSeek-V3's 256 in groups, gpt-oss's 32, Phi-3.5's 16."""
    cases = []
    for scores, experts, top_k, groups, top_groups in (
        ("softmax", 128, 8, 1, 1),
        ("sigmoid", 256, 8, 8, 4),
        ("softmax_of_chosen", 32, 4, 1, 1),
        ("sparse_mixer", 16, 2, 1, 1),
    ):
        config = row_config(experts)
        fixed = {
            "HAS_BIAS": groups > 1,
            "SCORES": scores,
            "TOP_K": top_k,
            "GROUPS": groups,
            "TOP_GROUPS": top_groups,
            "BEST_OF_GROUP": 2,
            "RENORMALIZES": True,
            "GROUP_BLOCK": groups,
            "PLACES": top_k,
            **config.blocks,
        }
        pointers = {"logits": "bf16", "bias": "fp32", "routes": "fp32"}
        kernel = "route_tokens:route_tokens_kernel"
        cases.append(Case(kernel, pointers, fixed, config.num_warps, variant=scores, is_wide=False))
    return cases


def _expert_cases() -> list[Case]:
    cases = []
    parts = ("first", "second", "third", "fourth")
    lines = [*product(("few", "many"), ("",), ("bf16", "fp16")), ("few", "", "fp32")]
    lines += product(("planes",), PARTS, ("fp32", "bf16"))
    for line, encoding, dtype in lines:
        for kind in DEVICE_KINDS:
            both = encoding == "q4_k" or dtype == "fp32"
            for is_sorted in (False, True) if both else (line != "few",):
                of_pairs = "few planes" if encoding and not is_sorted else line
                config = tile_of(EXPERT_CONFIGS[of_pairs][kind], encoding)
                pointers = {
                    **dict.fromkeys(("x", "bias", "out"), dtype),
                    **dict.fromkeys(parts, "u8" if encoding else dtype),
                    **dict.fromkeys(("order", "starts"), "i64"),
                    "experts_of": "i32",
                }
                fixed = {
                    "PER_ROW": 8,
                    "HAS_BIAS": False,
                    "IS_SORTED": is_sorted,
                    **encoding_constants(encoding),
                    **config.blocks,
                }
                cases.append(
                    Case(
                        "experts.triton_product:expert_product_kernel",
                        pointers,
                        fixed,
                        config.num_warps,
                        config.num_stages,
                        multiplies=bool(encoding) or dtype != "fp32" or kind == "gfx942",
                        variant=f"{line} {encoding} {dtype} {kind} {is_sorted}",
                        # Tiles of four numbers in a byte are 64 long: 8 bytes at a time.
                        is_wide=encoding_constants(encoding)["PER_BYTE"] < 4,
                        kinds=(kind,),
                    )
                )
    swish = dict.fromkeys(("gate", "up", "out"), "bf16")
    summed = {"given": "bf16", "routes": "fp32", "out": "bf16"}
    return [
        *cases,
        Case("experts:swish_plus_one_kernel", swish, {"HAS_LIMIT": True, "BLOCK": 1024}),
        Case(
            "experts:sum_experts_kernel", summed, {"TOP_K": 8, "IS_WEIGHTED": True, "BLOCK": 1024}
        ),
    ]


def _latent_cases() -> list[Case]:
    """Of DeepSeek-V2 and later: entries of 512 + 64 elements, 128 heads."""
    cases = []
    for phase, lines in LATENT_CONFIGS.items():
        for kind, config in lines.items():
            in_float8 = phase == "decode" and kind in FLOAT8_KINDS
            kinds_of_cache = ("bf16", "fp8e4nv") if in_float8 else ("bf16",)
            for kept, parts in product(kinds_of_cache, (1,) if phase == "prefill" else (1, 8)):
                fixed: dict[str, Any] = {
                    "HEAD_DIM": 576,
                    "WIDTH": 576 if kept == "bf16" else 576 + FACTOR_BYTES,
                    "FIRST": 512,
                    "REST_BLOCK": 64,
                    "PAGE_SIZE": 128,
                    "CAUSAL": True,
                    "SPLITS": parts,
                    "HEADS": config.blocks["BLOCK_M"],
                    **dict.fromkeys(("HAS_WINDOW", "HAS_CHUNK", "HAS_CAP", "HAS_SINKS"), False),
                    **config.blocks,
                }
                pointers = {
                    **dict.fromkeys(("q", "sinks", "out"), "bf16"),
                    "kv_blocks": kept,
                    **_OFFSETS,
                    **dict.fromkeys(("partial", "largest_of_part", "sum_of_part"), "fp32"),
                }
                cases.append(
                    Case(
                        "flash_attention_ragged.triton_latent:latent_attention_kernel",
                        pointers,
                        fixed,
                        config.num_warps,
                        latent_config_of(kind, 2 * 576, True, kept != "bf16").num_stages
                        if phase == "decode"
                        else config.num_stages,
                        multiplies=True,
                        variant=f"{phase} {kind} {kept} {parts}",
                        kinds=(kind,),
                    )
                )
    for kept in ("bf16", "fp8e4nv"):
        store = {
            **dict.fromkeys(("q", "absorbed", "kv", "weight", "out"), "bf16"),
            **_OFFSETS,
            "kv_blocks": kept,
            "freqs_cis": "fp32",
        }
        fixed = {
            "INTERLEAVED": True,
            "HAS_FACTORS": kept != "bf16",
            "HEADS": HEADS,
            "RANK_BLOCK": 512,
            "TURNED_BLOCK": 64,
        }
        cases.append(
            Case(
                "latent_store_ragged:latent_store_ragged_kernel",
                store,
                fixed,
                variant=kept,
                kinds=None if kept == "bf16" else FLOAT8_KINDS,
            )
        )
    return cases


def _adapter_cases() -> list[Case]:
    cases = []
    for rank, dtype in product((16, 64), ("bf16", "fp32")):
        shrink = {
            **dict.fromkeys(("x", "a"), dtype),
            **dict.fromkeys(("slots", "ranks"), "i32"),
            **dict.fromkeys(("scales", "narrow"), "fp32"),
        }
        for kinds in (DEVICE_KINDS[:3], DEVICE_KINDS[3:]):
            cases.append(
                Case(
                    "lora_linear:shrink_kernel",
                    shrink,
                    {"BLOCK_M": BLOCK_M, "BLOCK_K": BLOCK_K, "RANK_BLOCK": rank},
                    multiplies=dtype == "bf16" or kinds == ("gfx942",),
                    variant=f"{rank} {dtype} {kinds[0]}",
                    kinds=kinds,
                )
            )
        expand = {
            **dict.fromkeys(("y", "b"), dtype),
            **dict.fromkeys(("slots", "ranks", "is_affine"), "i32"),
            **dict.fromkeys(("narrow", "affine"), "fp32"),
        }
        fixed = {
            "PARTS": parts_of(4096)[0],
            "HAS_AFFINE": True,
            "BLOCK_M": BLOCK_M,
            "BLOCK_N": BLOCK_N,
            "RANK_BLOCK": rank,
        }
        cases.append(
            Case(
                "lora_linear:expand_kernel",
                expand,
                fixed,
                warps_of(rank),
                multiplies=True,
                variant=f"{rank} {dtype}",
            )
        )
        of_whole = {
            **dict.fromkeys(("y", "x", "weights"), dtype),
            **dict.fromkeys(("slots", "is_saved"), "i32"),
        }
        blocks = {"BLOCK_M": SAVED_M, "BLOCK_K": SAVED_K, "BLOCK_N": SAVED_N}
        if rank == 16:
            for kinds in (DEVICE_KINDS[:3], DEVICE_KINDS[3:]):
                cases.append(
                    Case(
                        "saved_linear:saved_linear_kernel",
                        of_whole,
                        blocks,
                        multiplies=dtype == "bf16" or kinds == ("gfx942",),
                        variant=f"{dtype} {kinds[0]}",
                        kinds=kinds,
                    )
                )
    look_up = {
        "ids": "i64",
        **dict.fromkeys(("slots", "ranks"), "i32"),
        "a": "bf16",
        **dict.fromkeys(("scales", "narrow"), "fp32"),
    }
    kernel = "lora_embedding:look_up_kernel"
    cases.append(Case(kernel, look_up, {"RANK_BLOCK": 16}, 1, is_wide=False))
    of_table = {
        "ids": "i64",
        **dict.fromkeys(("slots", "is_saved"), "i32"),
        **dict.fromkeys(("y", "tables"), "bf16"),
    }
    kernel = "saved_embedding:saved_embedding_kernel"
    return [*cases, Case(kernel, of_table, {"BLOCK": 1024}, is_wide=False)]


def _scaled_cases() -> list[Case]:
    cases = []
    for (line, of_kinds), dtype, by_columns in product(
        SCALED_CONFIGS.items(), ("bf16", "fp16", "fp32"), (True, False)
    ):
        for kind, config in of_kinds.items():
            fixed = {
                "BY_COLUMNS": by_columns,
                "IS_NATIVE": kind in FLOAT8_KINDS,
                **config.blocks,
            }
            cases.append(
                Case(
                    "scaled_matmul:scaled_matmul_kernel",
                    {"x": dtype, "weight": "u8", "scale": "fp32", "out": dtype},
                    fixed,
                    config.num_warps,
                    config.num_stages,
                    multiplies=True,
                    variant=f"{line} {dtype} {by_columns} {kind}",
                    kinds=(kind,),
                )
            )
    return cases


MODEL_PART_CASES = [
    *_routing_cases(),
    *_expert_cases(),
    *_latent_cases(),
    *_adapter_cases(),
    *_scaled_cases(),
]
