"""Graphs are built without torch's compiler, which still works for whoever wants it."""

# build: deps = ["@pip_dev//:triton"]

import subprocess
import sys

_BUILD = """
import sys
import torch
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Dim, Graph, TensorType, ops

rows = TensorType(DType.float32, ["rows", 4], DeviceRef.CPU())
with Graph("sizes", input_types=[rows]) as graph:
    x = graph.inputs[0].tensor
    graph.output(ops.concat([x, x + 1.0], axis=0))
model = InferenceSession().load(graph)
print(model(torch.zeros(3, 4))[0].shape, "torch._dynamo.eval_frame" in sys.modules)
"""
_COMPILE = """
double = torch.compile(lambda x: 2 * x, backend="eager")
print(double(torch.ones(2)).tolist(), "torch._dynamo.eval_frame" in sys.modules)
"""
_TRITON = """
from torch._dynamo.utils import common_constant_types
import triton.language
print(triton.language.dtype in common_constant_types)
"""
_EXPORT = """
import torch._dynamo.eval_frame
exported = torch.export.export(torch.nn.ReLU(), (torch.ones(2),))
print(exported.module()(-torch.ones(2)).tolist())
"""


def printed_by(program: str) -> list[str]:
    """The lines that a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_graph_is_built_without_the_compiler_and_others_can_still_compile() -> None:
    assert printed_by(_BUILD + _COMPILE) == ["(6, 4) False", "[2.0, 2.0] True"]


def test_modules_of_the_compiler_can_be_imported_after_a_graph_was_built() -> None:
    assert printed_by(_BUILD + _EXPORT) == ["(6, 4) False", "[0.0, 0.0]"]


def test_whoever_compiles_finds_triton_as_ever() -> None:
    assert printed_by(_BUILD + _COMPILE + _TRITON)[-1] == "True"
