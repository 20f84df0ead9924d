"""How attention is cut into programs on each kind of device."""

from __future__ import annotations

import functools
from typing import NamedTuple, Self

import torch

from max.kernels.gpu.tuning import Config

# For heads of 128 elements of 2 bytes; where they are larger, fewer rows and keys are in a block,
# and one block less is under way.
CONFIGS = {
    "prefill": {
        "sm_80": Config({"BLOCK_M": 64, "BLOCK_N": 64}, num_warps=8, num_stages=2),
        "sm_90": Config({"BLOCK_M": 128, "BLOCK_N": 64}, num_warps=8, num_stages=3),
        "sm_100": Config({"BLOCK_M": 64, "BLOCK_N": 64}, num_warps=4, num_stages=3),
        "gfx942": Config({"BLOCK_M": 64, "BLOCK_N": 32}, num_warps=4, num_stages=1),
    },
    "decode": {
        "sm_80": Config({"BLOCK_M": 16, "BLOCK_N": 64}, num_warps=4, num_stages=3),
        "sm_90": Config({"BLOCK_M": 16, "BLOCK_N": 64}, num_warps=4, num_stages=4),
        "sm_100": Config({"BLOCK_M": 16, "BLOCK_N": 64}, num_warps=4, num_stages=4),
        "gfx942": Config({"BLOCK_M": 16, "BLOCK_N": 32}, num_warps=4, num_stages=1),
    },
}
# For entries of 512 to 1023 elements of 2 bytes; where they are larger, fewer are in a tile.
LATENT_CONFIGS = {
    "prefill": {
        "sm_80": Config({"BLOCK_M": 32, "BLOCK_N": 32}, num_warps=8, num_stages=1),
        "sm_90": Config({"BLOCK_M": 32, "BLOCK_N": 16}, num_warps=8, num_stages=2),
        "sm_100": Config({"BLOCK_M": 32, "BLOCK_N": 16}, num_warps=8, num_stages=2),
        "gfx942": Config({"BLOCK_M": 16, "BLOCK_N": 16}, num_warps=4, num_stages=1),
    },
    # And for entries of 8 bits, which take registers while they are converted.
    "decode": {
        "sm_80": Config({"BLOCK_M": 16, "BLOCK_N": 16}, num_warps=8, num_stages=2),
        "sm_90": Config({"BLOCK_M": 16, "BLOCK_N": 16}, num_warps=8, num_stages=2),
        "sm_100": Config({"BLOCK_M": 16, "BLOCK_N": 16}, num_warps=8, num_stages=2),
        "gfx942": Config({"BLOCK_M": 16, "BLOCK_N": 16}, num_warps=4, num_stages=1),
    },
}
_LATENT_BYTES = 2048
_HEAD_BYTES = 256
_FEWEST, _MOST_ROWS = 16, 128  # of a product of matrices; what registers can hold
# A part of the keys has at least so many tokens; more parts than that are not worth joining.
_TOKENS_OF_PART, _MOST_PARTS = 128, 32
_PROGRAMS_OF_PROCESSOR = 2


def config_of(kind: str, group: int, head_bytes: int, is_decoding: bool) -> Config | None:
    """The line of the table for heads of some bytes, of which `group` share a KV head.

    None where more share one than a block has rows. Heads that fill no power of two are read under
    a mask, which takes registers: half as many keys are in a block of a decoding step.
    """
    line = CONFIGS["decode" if is_decoding else "prefill"][kind]
    larger = max(1, head_bytes // _HEAD_BYTES)
    rows = max(line.blocks["BLOCK_M"] // larger, _FEWEST, 1 << (group - 1).bit_length())
    is_masked = head_bytes & (head_bytes - 1) != 0
    keys = max(line.blocks["BLOCK_N"] // larger // (1 + (is_masked and is_decoding)), _FEWEST)
    blocks = {"BLOCK_M": rows, "BLOCK_N": keys}
    stages = line.num_stages if larger == 1 else max(1, line.num_stages - 1)
    return Config(blocks, line.num_warps, stages) if rows <= _MOST_ROWS else None


def latent_config_of(
    kind: str, entry_bytes: int, is_decoding: bool, is_in_float8: bool = False
) -> Config:
    """The line of the table for entries that have so many bytes as a query's numbers."""
    line = LATENT_CONFIGS["decode" if is_decoding or is_in_float8 else "prefill"][kind]
    larger = max(1, -(-entry_bytes // _LATENT_BYTES))
    blocks = {name: max(size // larger, _FEWEST) for name, size in line.blocks.items()}
    stages = 1 if larger > 1 or is_in_float8 else line.num_stages
    return Config(blocks, line.num_warps, stages)


def splits_of(device: torch.device, programs: int, most_tokens: int) -> int:
    """In how many parts the keys of a decoding step are read: a power of two.

    It depends on sizes alone, not on what requests hold: a captured graph stays valid.

    Args:
        device: whose processors are to be busy.
        programs: there are without parts.
        most_tokens: that a request can hold.
    """
    wanted = _PROGRAMS_OF_PROCESSOR * _processors(device.type, device.index) // programs
    parts = min(wanted, most_tokens // _TOKENS_OF_PART, _MOST_PARTS)
    return 1 << (max(parts, 1).bit_length() - 1)


@functools.cache
def _processors(kind: str, index: int | None) -> int:
    if kind == "cpu":
        return 16  # the interpreter
    return torch.cuda.get_device_properties(index or 0).multi_processor_count


class Parts(NamedTuple):
    """What the parts of the keys give, to be joined: float32.

    Attributes:
        mixed: [rows * heads, parts, head_dim], values weighted by `2 ** (score - largest)`.
        largest: [rows * heads, parts], the largest score.
        total: [rows * heads, parts], the sum of the weights.
    """

    mixed: torch.Tensor
    largest: torch.Tensor
    total: torch.Tensor

    @classmethod
    def of(cls, q: torch.Tensor, rows: int, head_dim: int, parts: int) -> Self:
        """Room for them; none where there is one part only."""
        if parts == 1:
            return cls(q, q, q)
        room = torch.empty([rows * parts * (head_dim + 2)], dtype=torch.float32, device=q.device)
        return cls(*room.split([rows * parts * head_dim, rows * parts, rows * parts]))
