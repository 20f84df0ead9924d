"""Jobs on a tiny model. Those in a process of their own take seconds each, so they are few."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from integration.accuracy.verdicts import Status
from integration.accuracy.verification_config import VerifiedPipeline
from integration.accuracy.verification_job import Job, run, run_in_child
from integration.test_common.logit_files import PromptLogits, write_logits
from integration.test_common.make_logits import shifted
from integration.tools.logit_run import LogitRun, generate_logits

TINY = VerifiedPipeline(pipeline="tiny-llama", encoding="float32", kl_div_threshold=1e-6)


@pytest.fixture(scope="module")
def reference() -> list[PromptLogits]:
    """PyTorch's logits of tiny-llama."""
    return generate_logits(
        LogitRun("tiny-llama", "torch", "float32", "cpu", num_steps=2, prompts=("Hi", "Ho ho"))
    )


def job_with_golden(reference: list[PromptLogits], path: Path) -> Job:
    write_logits(path, reference, with_logprobs=False)
    return Job(TINY.model_copy(update={"pregenerated_torch_goldens": str(path)}), "cpu")


def test_ok(reference: list[PromptLogits], tmp_path: Path) -> None:
    result = run(job_with_golden(reference, tmp_path / "golden.json"))
    assert result.verdict.status is Status.OK, result.verdict.message
    assert result.verdict.kl_div is not None
    assert result.verdict.kl_div < 1e-9
    assert "👍 passed" in result.report
    assert "--kl-div-threshold" in result.suggestion


def test_invalid(reference: list[PromptLogits], tmp_path: Path) -> None:
    wrong = shifted(reference, 1.0, prompt=1, step=1)
    result = run(job_with_golden(wrong, tmp_path / "golden.json"))
    assert result.verdict.status is Status.INVALID
    assert "is not <= 1e-06" in result.verdict.message
    assert "prompt 1 token 1: KL" in result.report


def test_error(tmp_path: Path) -> None:
    pipeline = TINY.model_copy(update={"pipeline": str(tmp_path)})
    result = run(Job(pipeline, "cpu"))
    assert result.verdict.status is Status.ERROR
    assert "no weights in" in result.verdict.message
    assert result.verdict.kl_div is None


def test_a_process_of_its_own(reference: list[PromptLogits], tmp_path: Path) -> None:
    result = run_in_child(job_with_golden(reference, tmp_path / "golden.json"))
    assert result.verdict.status is Status.OK, result.verdict.message


def test_timeout() -> None:
    job = Job(TINY.model_copy(update={"timeout": 0.01}), "cpu")
    result = run_in_child(job)
    assert result.verdict.status is Status.ERROR
    assert "no result after 0.01 s" in result.verdict.message


def test_a_crash_is_a_verdict(tmp_path: Path) -> None:
    """A custom architecture that ends the process, as a crash in a kernel does."""
    (tmp_path / "crashing").mkdir()
    (tmp_path / "crashing" / "__init__.py").write_text("import os\nos._exit(7)\n")
    job = replace(Job(TINY, "cpu"), custom_architectures=(str(tmp_path / "crashing"),))
    result = run_in_child(job)
    assert result.verdict.status is Status.ERROR
    assert "the process died with exit code 7" in result.verdict.message
