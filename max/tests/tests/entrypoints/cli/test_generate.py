"""`max generate`, from flags to text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

RunMax = Callable[..., Result]
Generate = Callable[..., Result]


@pytest.fixture
def generate(run_max: RunMax, tiny_model: Path) -> Generate:
    """`generate("--prompt", "Hi")` runs the command on a tiny model, greedily."""

    def run(*arguments: str) -> Result:
        fixed = ("--model", str(tiny_model), "--devices", "cpu", "--max-length", "128")
        return run_max("generate", *fixed, "--temperature", "0", *arguments)

    return run


def text_of(result: Result) -> str:
    """What comes before the numbers."""
    assert result.exit_code == 0, result.output
    text, separator, _ = result.stdout.partition("\n\nPrompt size:")
    assert separator
    return text


def number(result: Result, name: str) -> int:
    """A number of the report."""
    lines = [line for line in result.stdout.splitlines() if line.startswith(f"{name}: ")]
    return int(lines[0].removeprefix(f"{name}: "))


def test_text_and_report(generate: Generate) -> None:
    result = generate("--prompt", "Hi", "--max-new-tokens", "8")
    assert text_of(result)
    # <s> <user>Hi<|end|> <assistant>: the chat template around two bytes, a token each.
    assert number(result, "Prompt size") == len("<user>Hi<assistant>") + 2
    assert 1 <= number(result, "Output size") <= 8
    for name in ("Startup time", "Time to first token", "Total Latency", "Total Throughput"):
        assert f"\n{name}: " in result.stdout


def test_warmups_change_nothing_but_time(generate: Generate) -> None:
    once = generate("--prompt", "Hi", "--max-new-tokens", "6")
    assert text_of(generate("--prompt", "Hi", "--max-new-tokens", "6", "--num-warmups", "2")) == (
        text_of(once)
    )


def test_token_ids_instead_of_text(generate: Generate) -> None:
    result = generate("--prompt", "Hi", "--max-new-tokens", "4", "--no-detokenize")
    ids = text_of(result).split()
    assert len(ids) == number(result, "Output size")
    assert all(token.isdigit() for token in ids)


def test_profile_accounts_for_all_of_the_time(generate: Generate, tmp_path: Path) -> None:
    output = tmp_path / "profile.json"
    result = generate(
        *("--prompt", "Hi", "--max-new-tokens", "5", "--ignore-eos"),
        *("--profile-output", str(output), "--profile-top-n", "3"),
    )
    assert result.exit_code == 0, result.output
    profile = json.loads(output.read_text())
    assert profile["decode"]["steps"] == 4
    linears = [op for op in profile["decode"]["ops"] if op["op"] == "packed_linear"]
    assert {op["weights"] for op in linears} > {"gate_proj + up_proj", "down_proj"}
    assert 0 < sum(op["seconds"] for op in profile["decode"]["ops"]) < profile["decode"]["seconds"]
    # Read to the end, so that whatever cuts the program is named.
    blocks = result.stdout.split("\n\n")
    first = next(i for i, block in enumerate(blocks) if block.startswith("prefill"))
    prefill, decode, *cuts = blocks[first:]
    assert cuts == [f"program cut at {cut}\n" for cut in profile["cuts"]]
    assert prefill.startswith("prefill: 1 step") and decode.startswith("decode: 4 steps")
    # A title, a head, three kernels, the others, all else, the sum.
    assert len(decode.strip().splitlines()) == 8


def test_stop_text_is_left_out(generate: Generate) -> None:
    text = text_of(generate("--prompt", "Hi", "--max-new-tokens", "12"))
    stop = text[3:5]
    stopped = text_of(generate("--prompt", "Hi", "--max-new-tokens", "12", "--stop", stop))
    assert stopped == text[: text.index(stop)]


def test_seed_repeats_a_sample(generate: Generate) -> None:
    arguments = ("--prompt", "Hi", "--temperature", "1", "--max-new-tokens", "12")
    texts = [text_of(generate(*arguments, "--seed", seed)) for seed in ("1", "1", "2")]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--top-p", "2"], "top_p"),
        (["--prompt", "x" * 200], "128"),
        (["--custom-architectures", "./nothing_here"], "Failed to import custom model from"),
        (["--quantization-encoding", "gptq"], "supported on any device in this release"),
    ],
)
def test_errors_are_messages(generate: Generate, flags: list[str], message: str) -> None:
    result = generate(*flags)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_unknown_architecture(run_max: RunMax, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalML"]}')
    result = run_max("generate", "--model", str(tmp_path), "--devices", "cpu")
    assert result.exit_code == 1
    assert "No architecture found for LlamaForCausalML" in result.stderr
    assert "nearest first: LlamaForCausalLM" in result.stderr
