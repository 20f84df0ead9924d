"""Verifies one pipeline in a process of its own, so that no crash and no hang ends the others."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from integration.accuracy.comparison import compare_logits
from integration.accuracy.discrepancy_report import METRICS, report, suggest_tolerances
from integration.accuracy.verdicts import Status, Verdict
from integration.accuracy.verification_config import VerifiedPipeline
from integration.test_common.hub_flakes import is_hub_flake
from integration.test_common.logit_files import read_logits
from integration.test_common.user_paths import user_path
from integration.tools.logit_run import LogitRun, generate_logits

_DIFF_COUNT = 4
_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Job:
    """One pipeline to verify.

    Attributes:
        pipeline: which, and its thresholds.
        device: as `--devices`.
        custom_architectures: packages with architectures of one's own, for MAX.
        trust_remote_code: whether code that the checkpoint brings may be run.
    """

    pipeline: VerifiedPipeline
    device: str
    custom_architectures: tuple[str, ...] = ()
    trust_remote_code: bool = False


@dataclass(frozen=True)
class JobResult:
    """What a job gives.

    Attributes:
        verdict: the result.
        report: the discrepancy report; empty when nothing could be compared.
        suggestion: tolerances that would just pass.
    """

    verdict: Verdict
    report: str = ""
    suggestion: str = ""


def run_in_child(job: Job) -> JobResult:
    """Runs a job in a process of its own. Never raises for what happens there."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(job, sender))
    child.start()
    sender.close()
    try:
        if receiver.poll(job.pipeline.timeout):
            result: JobResult = receiver.recv()
            return result
        child.terminate()
        message = f"no result after {job.pipeline.timeout:g} s (timeout in the configuration)"
        return JobResult(Verdict(Status.ERROR, message=message))
    except EOFError:
        child.join(_GRACE_SECONDS)
        message = f"the process died with exit code {child.exitcode}"
        return JobResult(Verdict(Status.ERROR, message=message))
    finally:
        receiver.close()
        child.join(_GRACE_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()


def run(job: Job) -> JobResult:
    """Runs a job here: the reference, then MAX following its tokens, then the comparison.

    Never raises for what goes wrong: that is in the verdict.
    """
    try:
        return _verify(job)
    except MemoryError as error:
        return JobResult(Verdict(Status.INFRA, message=f"out of memory: {error}"))
    except Exception as error:
        # Models and packages of anybody run here; whatever they raise is their verdict.
        return JobResult(Verdict(_status_of(error), message=f"{type(error).__name__}: {error}"))


def _verify(job: Job) -> JobResult:
    pipeline = job.pipeline
    torch_run = LogitRun(
        pipeline=pipeline.pipeline,
        framework="torch",
        encoding=pipeline.encoding,
        device=job.device,
        trust_remote_code=job.trust_remote_code,
    )
    if pipeline.pregenerated_torch_goldens is not None:
        reference = read_logits(user_path(pipeline.pregenerated_torch_goldens))
    else:
        reference = generate_logits(torch_run)
    max_run = replace(
        torch_run,
        framework="max",
        custom_architectures=job.custom_architectures,
        reference=reference,
    )
    comparison = compare_logits(generate_logits(max_run), reference, pipeline.thresholds)
    kl_div = comparison.max_kl_div
    verdict = Verdict(Status.OK, kl_div)
    if not comparison.passes(pipeline.thresholds):
        message = f"KL Div {kl_div:.3e} is not <= {pipeline.kl_div_threshold:g}"
        verdict = Verdict(Status.INVALID, kl_div, message)
    return JobResult(
        verdict,
        report(comparison, pipeline.thresholds, METRICS, _DIFF_COUNT),
        suggest_tolerances(comparison, pipeline.thresholds),
    )


def _status_of(error: Exception) -> Status:
    from max.pipelines.kv_cache import InsufficientMemoryError

    if is_hub_flake(error):
        return Status.FLAKE
    return Status.INFRA if isinstance(error, InsufficientMemoryError) else Status.ERROR


def _child(job: Job, sender: Connection) -> None:
    sender.send(run(job))
    sender.close()
