"""The table of `python3 -m tools.benchmarks.kernels.linear`; its numbers promise nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from max.kernels import packed_linear
from max.kernels.thread_pool import set_num_threads
from tools.benchmarks.kernels.linear import main, make_weights


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    yield
    set_num_threads(None)


@pytest.mark.parametrize("encoding", ["float32", "bfloat16", "q4_k"])
def test_a_line_for_each_number_of_rows(encoding: str, capsys: pytest.CaptureFixture[str]) -> None:
    shape = ("--outputs", "64", "--columns", "256", "--megabytes", "1", "--turns", "1")
    main(["--encodings", encoding, "--rows", "1", "70", *shape, "--threads", "1", "--cpu-time"])
    title, head, *lines = capsys.readouterr().out.splitlines()
    assert title == f"{encoding}, weights of 64 x 256, 1 threads"
    assert " ".join(head.split()) == "rows us GB/s of read TOP/s of peak torch oneDNN"
    assert [line.split()[0] for line in lines] == ["1", "70"]
    assert all(line.count("%") == 2 and line.count(" x") == 2 for line in lines)


def test_own_time_is_that_of_one_thread(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--cpu-time"])
    assert "--cpu-time is that of one thread: add --threads 1" in capsys.readouterr().err


def test_what_is_timed_is_the_product() -> None:
    """The weights of all three say the same."""
    weights = make_weights("float32", 64, 32, 0)
    x = torch.randn(3, 32)
    (ours,) = packed_linear(x, weights.packed, [None], [64], ["float32"])
    onednn = torch.ops.mkldnn._linear_pointwise(x, weights.reordered[0], None, "none", [], "")
    torch.testing.assert_close(ours, x @ weights.plain[0].T)
    torch.testing.assert_close(ours, onednn)
