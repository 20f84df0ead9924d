"""Types of values, and references to devices."""

from __future__ import annotations

import pytest

from max.driver import CPU, accelerator_count
from max.dtype import DType
from max.graph import BufferType, DeviceRef, TensorType


def test_a_device_is_a_reference_or_an_open_one() -> None:
    by_device = TensorType(DType.float32, ["n", 4], CPU())
    assert by_device == TensorType(DType.float32, ["n", 4], DeviceRef.CPU())
    assert by_device.rank == 2
    assert repr(by_device) == "TensorType(float32, [n, 4], cpu:0)"


def test_types_differ_in_each_of_their_parts() -> None:
    type = TensorType(DType.float32, ["n", 4], CPU())
    assert type != TensorType(DType.bfloat16, ["n", 4], CPU())
    assert type != TensorType(DType.float32, ["n", 5], CPU())
    assert type != TensorType(DType.float32, ["n", 4], DeviceRef.GPU())
    assert type != BufferType(DType.float32, ["n", 4], CPU())


def test_device_references() -> None:
    cpu, gpu = DeviceRef.CPU(), DeviceRef.GPU(2)
    assert (cpu.is_cpu(), cpu.is_gpu(), str(cpu), cpu.to_torch()) == (True, False, "cpu:0", "cpu")
    assert (gpu.is_cpu(), gpu.is_gpu(), str(gpu), gpu.to_torch()) == (
        False,
        True,
        "gpu:2",
        "cuda:2",
    )
    assert DeviceRef.from_device(CPU()) == cpu.from_device(cpu) == cpu
    assert cpu.to_device() == CPU()


@pytest.mark.parametrize(("kind", "index"), [("tpu", 0), ("cuda", 0), ("gpu", -1)])
def test_what_is_no_device(kind: str, index: int) -> None:
    with pytest.raises(ValueError, match=f"no device '{kind}:{index}': devices are cpu, and gpu"):
        DeviceRef(kind, index)


def test_a_device_that_is_not_here_is_told() -> None:
    count = accelerator_count()
    with pytest.raises(ValueError, match=f"no accelerator {count}: this machine has {count}"):
        DeviceRef.GPU(count).to_device()
