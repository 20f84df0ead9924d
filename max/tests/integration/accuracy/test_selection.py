from __future__ import annotations

from pathlib import Path

import pytest

from integration.accuracy.selection import choose, narrow
from integration.accuracy.verification_config import VerificationConfig, VerifiedPipeline


def make_config() -> VerificationConfig:
    pipelines = {
        "a-float32": VerifiedPipeline(pipeline="a", encoding="float32", tags=("x",)),
        "a-bfloat16": VerifiedPipeline(pipeline="a", encoding="bfloat16", tags=("x", "y")),
        "b-float32": VerifiedPipeline(
            pipeline="b", encoding="float32", compatible_with=("gpu",), tags=("y",)
        ),
        "o/c-float32": VerifiedPipeline(
            pipeline="o/c", encoding="float32", tags=("hub",), on_request=True
        ),
    }
    return VerificationConfig(pipelines, {"c": "o/c-float32"})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ["a-float32", "a-bfloat16", "b-float32", "o/c-float32"]),
        (("c",), ["o/c-float32"]),
        (("o/c",), ["o/c-float32"]),
        (("a-bfloat16",), ["a-bfloat16"]),
        (("a",), ["a-float32", "a-bfloat16"]),
        (("b", "a-float32"), ["b-float32", "a-float32"]),
    ],
)
def test_names(names: tuple[str, ...], expected: list[str]) -> None:
    assert list(choose(make_config(), names, "float32", 1.0)) == expected


def test_folders_and_repositories_need_no_configuration(tmp_path: Path) -> None:
    chosen = choose(make_config(), (str(tmp_path), "owner/name"), "bfloat16", 0.25)
    assert [p.pipeline for p in chosen.values()] == [str(tmp_path), "owner/name"]
    assert {(p.encoding, p.kl_div_threshold) for p in chosen.values()} == {("bfloat16", 0.25)}


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match=r"unknown pipeline 'a-float23'.*nearest first: a-float32"):
        choose(make_config(), ("a-float23",), "float32", 1.0)


@pytest.mark.parametrize(
    ("device", "tags", "pattern", "expected"),
    [
        ("cpu", "", None, ["a-float32", "a-bfloat16"]),
        ("gpu", "y", None, ["a-bfloat16", "b-float32"]),
        ("gpu", "x,y", "32$", ["a-float32", "b-float32"]),
        ("cpu", "hub", None, ["o/c-float32"]),
    ],
)
def test_narrowing(device: str, tags: str, pattern: str | None, expected: list[str]) -> None:
    assert list(narrow(make_config().pipelines, device, tags, pattern, named=False)) == expected


def test_a_named_pipeline_that_does_not_run_here() -> None:
    with pytest.raises(ValueError, match="b-float32: does not run on cpu"):
        narrow(make_config().pipelines, "cpu", "", None, named=True)


def test_nothing_left() -> None:
    with pytest.raises(ValueError, match="no pipeline is left"):
        narrow(make_config().pipelines, "cpu", "z", None, named=False)


def test_a_pipeline_on_request_is_left_when_it_is_named() -> None:
    chosen = choose(make_config(), ("c",), "float32", 1.0)
    assert list(narrow(chosen, "cpu", "", None, named=True)) == ["o/c-float32"]
