"""Runs a package's model as a reviewer would: parity, one segment, a server, lm-eval.

    python -m integration.accuracy.architecture_checks PACKAGE MODEL RESULTS.json

`//tools:check_architecture` runs it in a process of its own and reads the results.
"""

# What lm_eval's API backend imports.
# build: deps = ["@pip_dev//:aiohttp", "@pip_dev//:tenacity"]

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click

from integration.accuracy.matrix import measure_pair
from integration.test_common.parity import BFLOAT16_KL, FLOAT32_TOLERANCE, Pair
from integration.test_common.step_runner import StepRunner, assert_one_segment
from tests.serve.server_process import ServerProcess, ready

_LIMITS = {"float32": FLOAT32_TOLERANCE, "bfloat16": BFLOAT16_KL}


@dataclass(frozen=True)
class CheckResult:
    """One check.

    Attributes:
        name: what was checked.
        passed: whether all is well.
        details: a line for the report.
    """

    name: str
    passed: bool
    details: str


def run_checks(
    package: str | None, model: Path, lm_eval: str | None, limit: int
) -> Iterator[CheckResult]:
    """Runs all checks; one that fails does not end the others.

    Args:
        package: as `--custom-architectures`; None for an architecture of the tree.
        model: a checkpoint, small enough for this machine.
        lm_eval: a task of lm-eval to run against the server; None for none.
        limit: questions of that task.
    """
    packages = () if package is None else (package,)
    for encoding, limit_of_encoding in _LIMITS.items():
        pair = Pair(model, encoding, packages)
        yield _guarded(f"parity in {encoding}", partial(_parity, pair, limit_of_encoding))
    yield _guarded("one segment", lambda: _one_segment(model, packages))
    command = ["max.entrypoints.pipelines", "serve", "--model", str(model)]
    command += [part for spec in packages for part in ("--custom-architectures", spec)]
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with ready(command, Path(scratch, "server")) as server:
                yield _guarded("serve", lambda: _serve(server))
                if lm_eval is not None:
                    yield _guarded(
                        f"lm-eval {lm_eval}",
                        lambda: _lm_eval(server, model, lm_eval, limit, Path(scratch)),
                    )
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            yield CheckResult("serve", False, f"the server did not start: {_line(error)}")


def _guarded(name: str, check: Callable[[], tuple[bool, str]]) -> CheckResult:
    try:
        return CheckResult(name, *check())
    except Exception as error:
        # A package of anybody runs here; whatever it raises is the result.
        return CheckResult(name, False, f"{type(error).__name__}: {_line(error)}")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


def _parity(pair: Pair, limit: float) -> tuple[bool, str]:
    distances, same_tokens = measure_pair(pair)
    cells = ", ".join(f"{way} {value:.0e}" for way, value in distances.items())
    worst = max(distances.values())
    is_right = worst <= limit and (same_tokens or pair.encoding != "float32")
    tokens = "the same" if same_tokens else "other"
    return is_right, f"{cells}; limit {limit:g}; {tokens} greedy tokens"


def _one_segment(model: Path, packages: tuple[str, ...]) -> tuple[bool, str]:
    runner = StepRunner(model, custom_architectures=packages)
    request = runner.start([1, 2, 3])
    runner.finish_prompt(request, 3)
    runner.step([(request, 1)])
    runner.end(request)
    assert_one_segment(runner)
    return True, "the whole step is replayed as one program"


def _serve(server: ServerProcess) -> tuple[bool, str]:
    name = server.client.get("/v1/models").json()["data"][0]["id"]
    body = {"model": name, "prompt": "Hello", "max_tokens": 8, "temperature": 0}
    answers = [server.client.post("/v1/completions", json=body) for _ in range(2)]
    for answer in answers:
        answer.raise_for_status()
    texts = {answer.json()["choices"][0]["text"] for answer in answers}
    return len(texts) == 1, f"8 tokens over HTTP, {'the same' if len(texts) == 1 else 'not'} twice"


def _lm_eval(
    server: ServerProcess, model: Path, task: str, limit: int, scratch: Path
) -> tuple[bool, str]:
    arguments = {
        "model": server.client.get("/v1/models").json()["data"][0]["id"],
        "base_url": f"{server.url}/v1/completions",
        "tokenizer": str(model),
        "tokenizer_backend": "huggingface",
        "num_concurrent": "4",
    }
    command = [
        *(sys.executable, "-m", "lm_eval", "run", "--model", "local-completions"),
        *("--model_args", ",".join(f"{k}={v}" for k, v in arguments.items())),
        *("--tasks", task, "--limit", str(limit), "--output_path", str(scratch / "lm_eval")),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    (file,) = (scratch / "lm_eval").rglob("results_*.json")
    results = json.loads(file.read_text(encoding="utf-8"))["results"]
    scores = [
        f"{name} {metric} {value:.3f}"
        for name, metrics in results.items()
        for metric, value in metrics.items()
        if isinstance(value, float)
    ]
    return True, "; ".join(scores)


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.argument("package")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--lm-eval", help="Task of lm-eval to run as well.")
@click.option("--limit", default=100, show_default=True, help="Questions of that task.")
def main(package: str, model: Path, results: Path, lm_eval: str | None, limit: int) -> None:
    """Writes the results; PACKAGE is "-" for an architecture of the tree."""
    found = run_checks(None if package == "-" else package, model, lm_eval, limit)
    results.write_text(json.dumps([asdict(each) for each in found]), encoding="utf-8")


if __name__ == "__main__":
    main()
