"""All that is worth knowing of a GPU in one run: `max/tests/gpu_smoke.sh`.

Every kernel against its reference, tiny models end to end, then the speed of a model of 8B. It
writes a JSON and rows for `docs/benchmarks/gpu.md`; the exit status says whether all was right.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from integration.gpu.family_checks import check_families
from integration.gpu.kernel_checks import check_kernels
from integration.gpu.speed import LARGE, WORKLOADS, Measured, Workload, measure, write_random_model
from integration.test_common.tiny_models import TINY_MODELS
from max.driver import load_devices
from max.pipelines.config.device_specs import parse_device_specs

# Of the largest element: two roundings to bfloat16 and its sums; float32, but for what is rounded
# for tensor cores or to 8 bits.
TOLERANCE = {torch.bfloat16: 2.0**-6, torch.float32: 1e-4}
ROUNDED = ("planes_linear", "planes_experts", "scaled_matmul", "lora_")
# A key that is rounded to 16 bits before it is rounded to 8 may become the next number of 8 bits.
IN_FLOAT8, FLOAT8_TOLERANCE = "float8 cache", 2.0**-3
# As measured on an H200: a copy's bytes per second, and a bfloat16 product's operations.
BANDWIDTH, ARITHMETIC = 4.3e12, 790e12


def main(
    argv: Sequence[str],
    large: Mapping[str, Any] = LARGE,
    workloads: Sequence[Workload] = WORKLOADS,
    families: Sequence[str] = tuple(TINY_MODELS),
    heads: int = 32,
) -> int:
    """Runs it.

    Args:
        argv: of the command line.
        large: config.json of the model whose speed is measured.
        workloads: what that is to do.
        families: names of the tiny models.
        heads: of the kernels' operands.

    Returns:
        0 if all results were right, 1 if not, 2 if there is no such device.
    """
    options = _parser().parse_args(argv)
    try:
        device, *_ = load_devices(parse_device_specs(options.devices))
    except ValueError as error:
        _say(f"nothing was checked: {error}")
        return 2
    out = Path(options.output)
    out.mkdir(parents=True, exist_ok=True)
    on_torch = device.to_torch()
    is_right = True
    results: dict[str, Any] = {"device": _name_of(on_torch), "torch": torch.__version__}
    results["kernels"] = []
    for dtype in TOLERANCE:
        for checked in check_kernels(on_torch, dtype, heads):
            right = checked.error <= _tolerance(checked.name, dtype)
            is_right &= right
            results["kernels"].append({**checked._asdict(), "dtype": str(dtype), "right": right})
            _say(
                f"{'ok   ' if right else 'WRONG'} {dtype} {checked.name}: error {checked.error:.1e}"
            )
    results["families"] = []
    for family in check_families(options.devices, families):
        is_right &= family.is_equal
        results["families"].append(family._asdict())
        _say(f"{'ok   ' if family.is_equal else 'WRONG'} tokens of {family.name}")
    if not options.no_speed:
        folder = Path(tempfile.mkdtemp(dir=options.scratch))
        try:
            _say(f"writing random weights to {folder}")
            write_random_model(folder, large, on_torch)
            measured = measure(
                folder, large, options.devices, options.bandwidth, options.arithmetic, workloads
            )
        finally:
            shutil.rmtree(folder)
        results["speed"] = [{**each._asdict(), "share": each.share} for each in measured]
        rows = "".join(map(_row, measured))
        _say(rows)
        (out / "gpu.md").write_text(_HEAD.format(**results) + rows)
    (out / "gpu.json").write_text(json.dumps(results, indent=1) + "\n")
    _say(f"{'all right' if is_right else 'SOMETHING WAS WRONG'}; written: {out}")
    return 0 if is_right else 1


_HEAD = """{device}, torch {torch}

| workload | prefill tokens/s | decoding tokens/s | bound | reached | published of vLLM |
|---|---|---|---|---|---|
"""


def _tolerance(name: str, dtype: torch.dtype) -> float:
    if name.startswith(IN_FLOAT8):
        return FLOAT8_TOLERANCE
    return TOLERANCE[torch.bfloat16 if name.startswith(ROUNDED) else dtype]


def _row(each: Measured) -> str:
    return (
        f"| {each.name} | {each.prefill_tokens_per_second:,.0f} "
        f"| {each.decode_tokens_per_second:,.0f} | {each.bound:,.0f} | {each.share:.0%} "
        f"| {each.published} |\n"
    )


def _name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", default="gpu:0", help="as max serve takes it")
    parser.add_argument("--output", default="gpu_smoke", help="folder of gpu.json and gpu.md")
    parser.add_argument("--scratch", default=None, help="where 16 GB of random weights fit")
    parser.add_argument("--no-speed", action="store_true", help="check, measure nothing")
    parser.add_argument("--bandwidth", type=float, default=BANDWIDTH, help="bytes/s, for bounds")
    parser.add_argument(
        "--arithmetic", type=float, default=ARITHMETIC, help="bfloat16 operations/s"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
