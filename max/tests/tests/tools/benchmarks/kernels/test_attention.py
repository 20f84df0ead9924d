"""The table of `python3 -m tools.benchmarks.kernels.attention`; its numbers promise nothing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest
import torch

from max.kernels.thread_pool import set_num_threads
from tools.benchmarks.kernels.attention import (
    Case,
    Heads,
    main,
    make_cache,
    parse_case,
    record_attention,
    torch_calls,
)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    torch_threads = torch.get_num_threads()
    yield
    set_num_threads(None)
    torch.set_num_threads(torch_threads)


def test_a_line_for_each_case(capsys: pytest.CaptureFixture[str]) -> None:
    shape = ("--heads", "4", "--kv-heads", "2", "--head-dim", "16", "--megabytes", "1")
    cases = ["5+1", "3+1x2", "0+20"]
    main(["--cases", *cases, *shape, "--turns", "1", "--threads", "1", "--cpu-time"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bfloat16/bfloat16, 4/2 heads of 16, 1 threads"
    assert " ".join(lines[1].split()) == "case us read us GB/s TOP/s of peak torch"
    assert [line.split()[0] for line in lines[2:5]] == cases
    assert lines[5] == "float32/bfloat16, 4/2 heads of 16, 1 threads"
    assert all(line.count("%") == 1 and line.count(" x") == 1 for line in lines[2:5])


def test_own_time_is_that_of_one_thread(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--cpu-time"])
    assert "--cpu-time is that of one thread: add --threads 1" in capsys.readouterr().err


def test_cases_are_past_new_and_requests() -> None:
    assert parse_case("3840+256") == Case(3840, 256, 1)
    assert parse_case("192+1x8") == Case(192, 1, 8)
    with pytest.raises(argparse.ArgumentTypeError, match="no case"):
        parse_case("192")


@pytest.mark.parametrize("case", [Case(5, 1, 3), Case(6, 4, 2), Case(0, 7, 1)])
def test_what_torch_is_timed_with_is_the_same_attention(case: Case) -> None:
    torch.manual_seed(0)
    set_num_threads(1)
    heads = Heads(query=4, kv=2, dim=16, page=4)
    cache = make_cache(case, heads, torch.float32, torch.float32, 0)
    q = torch.randn(case.new * case.requests, 4 * 16)
    recordings = record_attention(case, heads, cache, q)
    theirs = torch_calls(case, heads, cache, q)
    assert len(recordings) == len(theirs) == 2
    for recording, call in zip(recordings, theirs, strict=True):
        recording.call.run()
        # [requests, kv heads, heads of each, new, dim] -> [requests, new, heads, dim]
        folded = call().view(case.requests, 2, 2, case.new, 16)
        want = folded.permute(0, 3, 1, 2, 4).reshape(recording.result.shape)
        torch.testing.assert_close(recording.result, want, rtol=1e-5, atol=1e-5)
