"""Schema of `max::elementwise`."""

from __future__ import annotations

from max.kernels.elementwise.cpu import make_elementwise_record
from max.kernels.elementwise.reference import elementwise_reference
from max.kernels.facts import OpFacts
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu

elementwise = define_op(
    "elementwise(Tensor a, Tensor? b, str function, float[] numbers=[], ScalarType? dtype=None)"
    " -> Tensor",
    reference=elementwise_reference,
    fake=elementwise_reference,
    facts=OpFacts(row_arguments=2),
)
implement_on_cpu(elementwise, make_elementwise_record, elementwise_reference)
implement_on_gpu(elementwise, elementwise_reference)
