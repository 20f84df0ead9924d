"""What quantization costs: KL divergence from float32 and exact match, per encoding.

The numbers in docs/gguf.md come from here: `pytest -s -m slow` prints them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.step_runner import StepRunner
from integration.test_common.torch_reference import Logits
from integration.test_common.widened_demo import write_widened_demo
from max.demo import model_path
from max.pipelines.config import PipelineConfig
from tools.demo.evaluate import held_out_problems
from tools.demo.problems import final_number

# Mean KL divergence in nats over the answers of the first problems, measured here.
MEASURED = {"q8_0": 7.3e-5, "q6_k": 4.1e-4, "q5_k": 6.9e-4, "q4_k": 1.3e-3, "q4_0": 2.7e-3}
MEASURED_WITH_FALLBACKS = {"q6_k": 7.6e-5, "q5_k": 5.0e-4, "q4_k": 5.6e-4}
PROBLEMS = 8


@pytest.fixture(scope="module")
def widened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_widened_demo(tmp_path_factory.mktemp("demo") / "model")


@pytest.fixture(scope="module")
def texts() -> list[list[int]]:
    """Problems and their answers, in the chat format, as tokens."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(model_path())
    return [
        tokenizer.apply_chat_template(
            [
                {"role": "user", "content": problem.question},
                {"role": "assistant", "content": problem.answer},
            ],
            tokenize=True,
            return_dict=False,
        )
        for problem in held_out_problems(PROBLEMS)
    ]


def logits_of(folder: Path, encoding: str, texts: list[list[int]]) -> Logits:
    """The logits after every token of every text, [tokens, vocab]."""
    runner = StepRunner(folder, encoding)
    rows = []
    for tokens in texts:
        request = runner.start(tokens)
        runner.finish_prompt(request, len(tokens))
        runner.end(request)
        rows.append(request.logits)
    return np.concatenate(rows)


@pytest.fixture(scope="module")
def expected(texts: list[list[int]]) -> Logits:
    """The demo's logits in float32."""
    return logits_of(model_path(), "float32", texts)


def test_the_widened_demo_is_the_demo(
    widened: Path, texts: list[list[int]], expected: Logits
) -> None:
    wide = logits_of(widened, "float32", texts)
    np.testing.assert_allclose(wide, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("encoding", "measured"), MEASURED.items())
def test_divergence(
    widened: Path, texts: list[list[int]], expected: Logits, encoding: str, measured: float
) -> None:
    divergence = kl_divergence(expected, logits_of(widened, encoding, texts)).mean()
    assert divergence == pytest.approx(measured, rel=0.3)


@pytest.mark.parametrize(("encoding", "measured"), MEASURED_WITH_FALLBACKS.items())
def test_divergence_where_rows_are_no_whole_blocks(
    texts: list[list[int]], expected: Logits, encoding: str, measured: float
) -> None:
    """The demo as it is: Q5_0, Q5_1 and Q8_0 instead of the K encodings."""
    divergence = kl_divergence(expected, logits_of(model_path(), encoding, texts)).mean()
    assert divergence == pytest.approx(measured, rel=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["float32", "bfloat16", *MEASURED])
def test_exact_match(widened: Path, encoding: str) -> None:
    count = 300
    score = exact_match(widened, encoding, count)
    print(f"\n{encoding}: exact match {score:.1%} of {count}")
    # The same 300 problems give 99.3 % in float32.
    assert score >= {"q4_0": 0.9, "q4_k": 0.94}.get(encoding, 0.965)


def exact_match(folder: Path, encoding: str, count: int) -> float:
    """Share of held-out problems whose final number comes out right, greedily."""
    from max.entrypoints.llm import LLM

    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        quantization_encoding=encoding,
        device_specs="cpu",
        max_batch_size=64,
        max_length=512,
    )
    problems = held_out_problems(count)
    llm = LLM(config)
    template = "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
    template += "<|start_header_id|>assistant<|end_header_id|>\n\n"
    answers = llm.generate([template.format(p.question) for p in problems], 120, use_tqdm=False)
    right = [final_number(a) == p.result for a, p in zip(answers, problems, strict=True)]
    return sum(right) / count
