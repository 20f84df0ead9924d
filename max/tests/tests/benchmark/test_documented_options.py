"""The documented options of `max benchmark`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from max.entrypoints.cli.benchmark import cli_benchmark
from max.entrypoints.cli.benchmark_documented import REFUSED
from tests.benchmark.scripted_sse import Reply, always, completion, scripted

# build: size = "medium"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli_benchmark, [str(a) for a in arguments], prog_name="max benchmark")


def settings_of(tmp_path: Path, *arguments: object) -> dict[str, Any]:
    """The settings with which a run with these arguments was made."""
    path = tmp_path / "result.json"
    with scripted(always(Reply(completion("a")))) as server:
        result = run(
            *("--base-url", server.url, "--tokenizer", "demo", "--result-filename", path),
            *(() if "--skip-test-prompt" in arguments else ("--num-warmups", 0)),
            *arguments,
        )
    assert result.exit_code == 0, result.output
    settings: dict[str, Any] = json.loads(path.read_text())["settings"]
    return settings


def test_a_documented_command(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        *("--backend", "modular", "--endpoint", "/v1/chat/completions", "--num-prompts", 2),
        *("--dataset-name", "random", "--random-input-len", 20, "--random-output-len", "DU(1,3)"),
        *("--metadata", "tp=1", "--metadata", "gpu=none", "--disable-tqdm", "--skip-test-prompt"),
        *("--no-collect-cpu-stats", "--burstiness", 2, "--lora", "math", "--seed", 4),
    )
    assert settings["endpoint"] == "chat"
    assert (settings["input_len"], settings["output_len"]) == ("20", "1:3")
    assert settings["metadata"] == {"tp": "1", "gpu": "none"}
    assert (settings["burstiness"], settings["model"]) == (2, "math")


def test_the_chat_of_a_backend_and_a_system_prompt_of_all(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        *("--backend", "vllm-chat", "--num-chat-sessions", 2, "--random-num-turns", 2),
        *("--random-sys-prompt-ratio", 0.25, "--random-max-num-unique-sys-prompt", 2),
        *("--random-input-len", 40, "--max-output-len", 3),
    )
    assert (settings["endpoint"], settings["dataset"]) == ("chat", "prefix")
    assert (settings["prefix_len"], settings["input_len"], settings["num_prefixes"]) == (
        10,
        "30",
        2,
    )
    assert (settings["num_prompts"], settings["num_turns"]) == (2, 2)


def test_a_configuration_file_is_what_the_command_line_does_not_say(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("benchmark_config:\n  num_prompts: 3\n  random_input_len: 9\n  seed: 5\n")
    settings = settings_of(tmp_path, "--config-file", file, "--seed", 6)
    assert (settings["num_prompts"], settings["input_len"], settings["seed"]) == (3, "9", 6)
    file.write_text("numprompts: 3")
    refused = run("--config-file", file)
    assert refused.exit_code == 2
    assert "no options of this command: numprompts" in refused.output


def test_a_result_has_a_name_of_its_own(tmp_path: Path) -> None:
    with scripted(always(Reply(completion("a")))) as server:
        run(
            *("--base-url", server.url, "--tokenizer", "demo", "--num-prompts", 1),
            *("--save-result", "--result-dir", tmp_path / "results", "--request-rate", 50),
        )
    (path,) = (tmp_path / "results").iterdir()
    assert path.name.startswith("modular-50.0qps-model-")


@pytest.mark.parametrize("flag", sorted(REFUSED))
def test_what_is_not_here_is_refused_by_name(flag: str) -> None:
    result = run(flag, "1")
    assert result.exit_code == 2
    assert f"{flag} is not in this release: {REFUSED[flag]}" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input-len", "5", "--random-input-len", "6"], "say the same: give one"),
        (["--random-output-len", "5", "--max-output-len", "6"], "--random-output-len say the same"),
        (["--num-warmups", "2", "--skip-test-prompt"], "--num-warmups say the same: give one"),
        (["--dataset", "file", "--random-num-turns", "2"], "is not of --dataset file"),
        (["--dataset", "file", "--random-sys-prompt-ratio", "0.5"], "is not of --dataset file"),
        (["--result-dir", "results"], "takes --save-result or --result-file"),
        (["--metadata", "tp"], "'tp' is not key=value"),
        (["--dataset-name", "sharegpt"], "is not one of"),
        (["--random-sys-prompt-ratio", "0.5", "--input-len", "5:9"], "is a share of one length"),
        (["--trust-remote-code"], "code is never run here"),
    ],
)
def test_wrong_options(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
