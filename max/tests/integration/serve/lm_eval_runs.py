"""Evaluates the demo model by lm-eval: with its Hugging Face backend, and through our server.

    python -m integration.serve.lm_eval_runs http://127.0.0.1:8000 results.json

A process of its own, so that lm-eval is imported once, offline, with its own caches.
"""

# What lm_eval's backends import: its [api] extra, and what `hf` needs.
# build: deps = ["@pip_dev//:accelerate", "@pip_dev//:aiohttp", "@pip_dev//:tenacity"]
# build: deps = ["@pip//:transformers"]
# build: data = ["lm_eval_tasks/demo_answer.yaml", "lm_eval_tasks/demo_choice.yaml"]
# build: data = ["lm_eval_tasks/gsm8k_cot_llama.yaml"]

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from integration.serve.lm_eval_problems import TASKS
from max.demo import model_path

GSM8K = "gsm8k_cot_llama"


class Run(NamedTuple):
    """One evaluation."""

    backend: str
    arguments: Mapping[str, Any]
    tasks: list[str]
    is_chat: bool = False
    examples_are_turns: bool = False


def runs(url: str) -> dict[str, Run]:
    """What is compared, by name."""
    reference = {"pretrained": str(model_path()), "dtype": "float32"}
    completions = {
        "model": "demo",
        "base_url": f"{url}/v1/completions",
        "tokenizer_backend": "huggingface",
        "tokenizer": str(model_path()),
        "add_bos_token": True,
        "num_concurrent": 4,
    }
    chat = {"model": "demo", "base_url": f"{url}/v1/chat/completions", "num_concurrent": 4}
    return {
        "hf": Run("hf", reference, ["demo_choice", "demo_answer"]),
        "completions": Run("local-completions", completions, ["demo_choice", "demo_answer"]),
        "hf_chat": Run("hf", reference, ["demo_answer"], is_chat=True),
        "chat": Run("local-chat-completions", chat, ["demo_answer"], is_chat=True),
        "hf_gsm8k": Run("hf", reference, [GSM8K], is_chat=True, examples_are_turns=True),
    }


def evaluate(run: Run) -> dict[str, Any]:
    """The scores and the raw responses of each task."""
    import lm_eval  # Late, because it takes seconds.
    from lm_eval.tasks import TaskManager

    outcome = lm_eval.simple_evaluate(
        model=run.backend,
        model_args=dict(run.arguments),
        tasks=run.tasks,
        task_manager=TaskManager(include_path=str(TASKS), include_defaults=False),
        apply_chat_template=run.is_chat,
        fewshot_as_multiturn=run.examples_are_turns,
        batch_size=1 if run.is_chat else 4,
        device="cpu",
        bootstrap_iters=0,
    )
    return {
        task: {
            "scores": outcome["results"][task],
            "responses": [sample["resps"] for sample in outcome["samples"][task]],
        }
        for task in run.tasks
    }


def main(url: str, output: str) -> None:
    os.chdir(TASKS)  # The tasks name their data files so.
    results = {name: evaluate(run) for name, run in runs(url).items()}
    Path(output).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
