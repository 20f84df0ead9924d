"""Printing values of a graph."""

from __future__ import annotations

import numpy as np
import pytest

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import Graph, TensorType, TensorValue, ops
from tests.graph.run_op import make_tensor


def test_prints_happen_when_the_model_runs(capsys: pytest.CaptureFixture[str]) -> None:
    graph = Graph("g", input_types=[TensorType(DType.float32, ["n"], CPU())])
    with graph:
        x = graph.inputs[0].tensor
        (x * 2).print("twice")
        ops.print(x)
        graph.output(x)
    model = InferenceSession().load(graph)
    assert capsys.readouterr().out == ""
    model(np.array([1, 2], dtype=np.float32))
    out = capsys.readouterr().out
    assert out == "twice: float32 [2]\n[2. 4.]\ndebug_tensor: float32 [2]\n[1. 2.]\n"


def test_prints_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    TensorValue(make_tensor((2,), DType.bfloat16) * 0).print("zeros")
    assert capsys.readouterr().out.startswith("zeros: [2] torch.bfloat16\n")
