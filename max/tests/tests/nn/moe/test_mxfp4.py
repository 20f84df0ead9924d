"""MXFP4 stacks of Hugging Face's files are the numbers that transformers says."""

from __future__ import annotations

import pytest
import torch
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.graph.weights import WeightData
from max.nn.moe.mxfp4 import mxfp4_stack


def data(tensor: torch.Tensor, name: str) -> WeightData:
    return WeightData.from_numpy(tensor.numpy(), name)


def make_parts(experts: int, out: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    blocks = torch.randint(0, 256, (experts, out, count, 16), dtype=torch.uint8, generator=random)
    scales = torch.randint(100, 140, (experts, out, count), dtype=torch.uint8, generator=random)
    return blocks, scales


@pytest.mark.parametrize("rows", [slice(None), slice(0, None, 2), slice(1, None, 2)])
def test_numbers(rows: slice) -> None:
    blocks, scales = make_parts(3, 6, 2)
    stack = mxfp4_stack(data(blocks, "b"), data(scales, "s"), "up_proj.weight", rows)
    encoded = stack.to_buffer().tensor
    assert stack.quantization_encoding is QuantizationEncoding.MXFP4
    assert list(encoded.shape) == list(stack.shape) == [3, len(range(6)[rows]), 2 * 17]
    theirs = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32).transpose(1, 2)
    ours = torch.stack([dequantize_rows(one, QuantizationEncoding.MXFP4) for one in encoded])
    assert torch.equal(ours, theirs[:, rows])


def test_parts_that_do_not_fit_are_refused() -> None:
    blocks, scales = make_parts(3, 6, 2)
    wrong = data(scales[:, :4].contiguous(), "s")
    with pytest.raises(ValueError, match=r"'b' \[3, 6, 2, 16\] and 's' \[3, 4, 2\] are no MXFP4"):
        mxfp4_stack(data(blocks, "b"), wrong, "up_proj.weight", slice(None))
