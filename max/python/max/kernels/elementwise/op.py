"""Schema of `max::elementwise`."""

from __future__ import annotations

from max.kernels.elementwise.cpu import make_elementwise_record
from max.kernels.elementwise.reference import elementwise_reference
from max.kernels.registry import define_op, implement_on_cpu

elementwise = define_op(
    "elementwise(str function, Tensor a, Tensor? b, float[] numbers, ScalarType? dtype) -> Tensor",
    reference=elementwise_reference,
    fake=elementwise_reference,
)
implement_on_cpu(elementwise, make_elementwise_record(), elementwise_reference)
