"""The variants of the kernels that are compiled: of each the one that models of 8B in bfloat16 use
first, which is compiled every day."""

from __future__ import annotations

from max.kernels.gpu.tuning import row_config
from tests.kernels.gpu.compiler import Case


def _row_cases() -> list[Case]:
    cases = []
    for dim in (4096, 64, 16384):
        config = row_config(dim)
        for parts in (True, False):
            own: dict[str, object] = {"BLOCK": config.blocks["BLOCK"]}
            of_rms = Case(
                "rms_norm:rms_norm_kernel",
                dict.fromkeys(("x", "weight", "out"), "bf16"),
                {"MULTIPLY_BEFORE_CAST": parts, **own},
                config.num_warps,
                variant=f"{dim} {parts}",
            )
            of_layer = Case(
                "layer_norm:layer_norm_kernel",
                dict.fromkeys(("x", "weight", "bias", "out"), "bf16"),
                {"HAS_WEIGHT": True, "HAS_BIAS": parts, **own},
                config.num_warps,
                variant=f"{dim} {parts}",
            )
            cases += [of_rms, of_layer]
    return cases


def _elementwise_cases() -> list[Case]:
    from max.kernels.elementwise.functions import FUNCTIONS
    from max.kernels.gated.reference import ACTIVATIONS

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


CASES = [*_row_cases(), *_elementwise_cases(), *_copying_cases()]
FIRST_CASES = list({case.kernel: case for case in reversed(CASES)}.values())
