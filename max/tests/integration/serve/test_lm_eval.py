"""lm-eval gets from our server what it gets from transformers, on the same weights."""

# build: size = "medium"
# build: timeout = "long"
# build: data = ["//docs"]

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import max.demo
from integration.serve.conftest import SERVE_DEMO
from integration.serve.lm_eval_problems import (
    GSM8K_COUNT,
    GSM8K_FORM,
    PROBLEMS,
    TASKS,
    gsm8k_lines,
    lines,
)
from integration.serve.lm_eval_runs import GSM8K, runs
from max.demo import model_path
from tests.serve.server_process import ready

PAGE = Path(__file__).parents[4] / "docs" / "evaluate-with-lm-eval.md"
COMMANDS = PAGE.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
# A sum of some fifty float32 log probabilities that two programs worked out.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of all evaluations, by name."""
    folder = tmp_path_factory.mktemp("lm_eval")
    output = folder / "results.json"
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    serve = [*SERVE_DEMO, "--enable-echo", "--quantization-encoding", "float32"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **offline}
    with ready(serve, folder / "server") as server:
        evaluate = ["integration.serve.lm_eval_runs", server.url, str(output)]
        documented = [*gsm8k_command(server.url), "--output_path", str(folder), "--log_samples"]
        for command, where in ((evaluate, None), (documented, TASKS)):
            run = subprocess.run(
                [sys.executable, "-m", *command],
                cwd=where,
                env=environment,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert run.returncode == 0, run.stderr[-4000:]
    results: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    (samples,) = folder.rglob(f"samples_{GSM8K}_*.jsonl")
    rows = map(json.loads, samples.read_text(encoding="utf-8").splitlines())
    results["documented"] = [row for row in rows if row["filter"] == "flexible-extract"]
    return results


def gsm8k_command(url: str) -> list[str]:
    """The documented command, on this server."""
    command = next(line for line in COMMANDS if f"--tasks {GSM8K} " in line)
    program, *arguments = shlex.split(command.replace("http://127.0.0.1:8000", url))
    assert program == "lm_eval"
    return [program, *arguments]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_log_likelihoods_are_those_of_transformers(results: dict[str, Any]) -> None:
    """Each document has four continuations: a log-likelihood, and whether greedy gives it."""
    ours, theirs = (results[name]["demo_choice"] for name in ("completions", "hf"))

    assert ours["scores"] == theirs["scores"]
    assert len(ours["responses"]) == len(theirs["responses"]) == 20
    for mine, reference in zip(ours["responses"], theirs["responses"], strict=True):
        for ((score, is_greedy),), ((wanted, is_reference_greedy),) in zip(
            mine, reference, strict=True
        ):
            assert score == pytest.approx(wanted, abs=TOLERANCE)
            assert is_greedy == is_reference_greedy


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("ours", "reference"), [("completions", "hf"), ("chat", "hf_chat")])
def test_generated_answers_are_those_of_transformers(
    results: dict[str, Any], ours: str, reference: str
) -> None:
    mine, theirs = results[ours]["demo_answer"], results[reference]["demo_answer"]

    assert mine["scores"] == theirs["scores"]
    assert mine["responses"] == theirs["responses"]
    # One answer of these problems is wrong, so the score tells more than that all is well.
    assert mine["scores"]["exact_match,number"] == 0.95


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_documented_gsm8k_command_gives_the_score_of_transformers(
    results: dict[str, Any],
) -> None:
    theirs = results["hf_gsm8k"][GSM8K]
    score = theirs["scores"]["exact_match,flexible-extract"]
    ours = [row["exact_match"] for row in results["documented"]]

    assert len(ours) == GSM8K_COUNT
    assert score > 0.8
    # Greedy, in float32: the same answers but for a token that two programs round differently.
    assert sum(ours) / len(ours) == pytest.approx(score, abs=1 / GSM8K_COUNT)


@pytest.mark.parametrize("name", ["hf", "completions", "chat"])
def test_documented_commands_are_those_that_are_compared(name: str) -> None:
    run = runs("http://127.0.0.1:8000")[name]
    command = next(line for line in COMMANDS if f"--model {run.backend} " in line)
    (given,) = re.findall(r"--model_args (\S+)", command)
    arguments = dict(argument.split("=", 1) for argument in given.split(","))
    folder = os.path.relpath(Path(max.demo.__file__).parent / "model", TASKS)

    assert arguments == {
        key: folder if value == str(model_path()) else str(value)
        for key, value in run.arguments.items()
    }
    assert f"--tasks {','.join(run.tasks)} " in command
    assert ("--apply_chat_template" in command) == run.is_chat


def test_problems_are_the_generated_ones() -> None:
    """After a change of the generator: python -m integration.serve.lm_eval_problems."""
    assert PROBLEMS.read_text(encoding="utf-8") == lines()
    assert GSM8K_FORM.read_text(encoding="utf-8") == gsm8k_lines()
