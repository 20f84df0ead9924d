"""The documented options of `max benchmark` beside our own: other spellings, and refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import yaml

from max.entrypoints.cli.benchmark_values import Lengths
from max.entrypoints.cli.options import SectionOption

_DATASETS = "prompts are --dataset random, prefix or file"
_TEXT = "text is what is measured"
_SWEEP = "call the command once for each"
_ADAPTERS = "--lora names the adapter that all requests ask for"
# Options that are refused, with what to do instead.
REFUSED: Mapping[str, str] = {
    "--arxiv-summarization-input-len": _DATASETS,
    "--batch-job-image-dir": _DATASETS,
    "--obfuscated-conversations-average-output-len": _DATASETS,
    "--obfuscated-conversations-coefficient-of-variation": _DATASETS,
    "--obfuscated-conversations-shuffle": _DATASETS,
    "--sonnet-input-len": "--dataset prefix with --input-len asks the same of a server",
    "--sonnet-prefix-len": "--dataset prefix with --prefix-len asks the same of a server",
    "--random-image-count": _TEXT,
    "--random-image-size": _TEXT,
    "--image-width": _TEXT,
    "--image-height": _TEXT,
    "--image-steps": _TEXT,
    "--image-guidance-scale": _TEXT,
    "--image-negative-prompt": _TEXT,
    "--image-seed": _TEXT,
    "--delay-between-chat-turns": "a question follows the answer before at once",
    "--chat-warmup-delay-ms": "--request-rate spreads the conversations",
    "--model-max-length": "prompts are exactly as long as --input-len says",
    "--print-inputs-and-outputs": "--result-file keeps every request",
    "--print-workload-stats": "the report tells the tokens of prompts and answers",
    "--record-output-lengths": "--result-file keeps the length of every answer",
    "--collect-gpu-stats": "the server's metrics tell them",
    "--collect-server-stats": "the server's metrics tell them",
    "--trace": "profile the server",
    "--trace-file": "profile the server",
    "--trace-session": "profile the server",
    "--lora-paths": _ADAPTERS,
    "--lora-request-ratio": _ADAPTERS,
    "--lora-traffic-ratio": _ADAPTERS,
    "--lora-uniform-traffic-ratio": _ADAPTERS,
    "--per-lora-traffic-ratio": _ADAPTERS,
    "--max-concurrent-lora-ops": _ADAPTERS,
    "--workload-config": "--config-file takes options",
    "--log-dir": _SWEEP,
    "--dry-run": _SWEEP,
    "--num-iters": _SWEEP,
    "--latency-percentiles": "the report has the percentiles 50, 90 and 99",
    "--flush-prefix-cache": "POST /reset_prefix_cache does it",
    "--upload-results": "--result-file is a file of one's own",
    "--benchmark-sha": "--metadata takes it",
    "--cluster-information-path": "--metadata takes it",
    "--benchmark-config-name": "--metadata takes it",
}
_BACKENDS = ("modular", "sglang", "vllm")
_CHATS = tuple(f"{name}-chat" for name in _BACKENDS)
_SECTION = "benchmark_config"


def documented_options() -> list[SectionOption]:
    """The options, which `--help` does not list."""

    def option(*names: str, **attributes: Any) -> SectionOption:
        return SectionOption(names, "Documented", hidden=True, **attributes)

    count = click.IntRange(min=1)
    return [
        option("--backend", type=click.Choice([*_BACKENDS, *_CHATS])),
        option("--benchmark-task", type=click.Choice(["text-generation"])),
        option("--config-file", type=click.Path(dir_okay=False), callback=_read, is_eager=True),
        option("--dataset-mode", type=click.Choice(["local"])),
        option("--random-input-len", type=Lengths()),
        option("--random-output-len", type=Lengths()),
        option("--random-num-turns", type=count),
        option("--random-sys-prompt-ratio", type=click.FloatRange(0, 1, max_open=True)),
        option("--random-max-num-unique-sys-prompt", type=count),
        option("--num-chat-sessions", type=count),
        option("--max-output-len", type=count),
        option("--output-lengths", type=count),
        option("--lora"),
        option("--result-dir", type=click.Path(file_okay=False, path_type=Path)),
        option("--save-result/--no-save-result"),
        option("--disable-tqdm/--no-disable-tqdm"),
        option("--skip-test-prompt/--no-skip-test-prompt"),
        # What the client costs is always told.
        option("--collect-cpu-stats/--no-collect-cpu-stats", expose_value=False),
        option("--no-collect-server-stats", is_flag=True, expose_value=False),
        option("--trust-remote-code/--no-trust-remote-code", callback=_refuse_remote_code),
        *(_refused(flag, reason) for flag, reason in REFUSED.items()),
    ]


def translate(ctx: click.Context, options: dict[str, Any]) -> None:
    """Puts our own options in the place of the documented ones.

    Raises:
        click.UsageError: if two say the same, or what they say needs another option.
    """
    given = {
        name: options.pop(name)
        for name in (parameter.name for parameter in documented_options())
        if name in options
    }

    said = {
        name: _flag(name)
        for name in options
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }

    def put(name: str, value: Any, said_by: str) -> None:
        if name in said:
            raise click.UsageError(f"{said_by} and {said[name]} say the same: give one", ctx)
        options[name], said[name] = value, said_by

    same = {
        "random_input_len": "input_len",
        "random_output_len": "output_len",
        "output_lengths": "output_len",
        "max_output_len": "output_len",
        "random_num_turns": "num_turns",
        "num_chat_sessions": "num_prompts",
        "random_max_num_unique_sys_prompt": "num_prefixes",
        "lora": "model",
    }
    for documented, ours in same.items():
        if given.get(documented) is not None:
            value = given[documented]
            put(ours, str(value) if ours.endswith("_len") else value, _flag(documented))
    for name in ("random_num_turns", "random_sys_prompt_ratio"):
        if given.get(name) and options["dataset"] == "file":
            raise click.UsageError(f"{_flag(name)} is not of --dataset file, which tells it", ctx)
    if (given.get("random_num_turns") or 1) > 1:
        options["dataset"] = "prefix"
    if given.get("random_sys_prompt_ratio"):
        _share_prompts(ctx, given["random_sys_prompt_ratio"], options)
    if given.get("backend") in _CHATS:
        put("endpoint", "chat", "--backend")
    if given.get("disable_tqdm"):
        options["progress"] = False
    if given.get("skip_test_prompt"):
        put("num_warmups", 0, "--skip-test-prompt")
    _name_result(ctx, given, options)


def _share_prompts(ctx: click.Context, ratio: float, options: dict[str, Any]) -> None:
    """A share of the prompts' tokens is the same for all."""
    if not re.fullmatch(r"\d+", options["input_len"]):
        raise click.UsageError(
            f"--random-sys-prompt-ratio {ratio} is a share of one length, got --input-len "
            f"{options['input_len']}: give --dataset prefix --prefix-len",
            ctx,
        )
    length = int(options["input_len"])
    shared = max(1, round(ratio * length))
    options |= {"dataset": "prefix", "prefix_len": shared}
    options["input_len"] = str(max(1, length - shared))


def _name_result(ctx: click.Context, given: Mapping[str, Any], options: dict[str, Any]) -> None:
    """Where the result goes with `--save-result` and `--result-dir`."""
    if options.get("result_file") is None and given.get("save_result"):
        rate, backend = options["request_rate"], given.get("backend") or "modular"
        model = Path(options.get("model") or "model").name
        stamp = f"{datetime.now():%Y%m%d-%H%M%S}"
        options["result_file"] = Path(f"{backend}-{rate}qps-{model}-{stamp}.json")
    if given.get("result_dir") is not None:
        if options.get("result_file") is None:
            raise click.UsageError("--result-dir takes --save-result or --result-file", ctx)
        options["result_file"] = given["result_dir"] / options["result_file"]


def _read(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Makes the options of a YAML file defaults of those of the command line."""
    if value is None:
        return None
    try:
        content = yaml.safe_load(Path(value).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise click.UsageError(f"--config-file {value}: {error}", ctx) from error
    content = content.get(_SECTION, content) if isinstance(content, dict) else content
    if not isinstance(content, dict):
        raise click.UsageError(f"--config-file {value} has no options: it needs names", ctx)
    aliases = {
        flag.lstrip("-").replace("-", "_"): str(each.name)
        for each in ctx.command.params
        for flag in each.opts
    }
    if unknown := content.keys() - aliases.keys():
        raise click.UsageError(
            f"--config-file {value}: no options of this command: {', '.join(sorted(unknown))}", ctx
        )
    ctx.default_map = {aliases[name]: each for name, each in content.items() if each is not None}
    return value


def _refused(flag: str, reason: str) -> SectionOption:
    def refuse(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
        if value not in (None, False):
            raise click.UsageError(f"{flag} is not in this release: {reason}", ctx)

    return SectionOption(
        [flag],
        "Documented",
        is_flag=False,
        flag_value="",
        hidden=True,
        expose_value=False,
        callback=refuse,
    )


def _refuse_remote_code(ctx: click.Context, parameter: click.Parameter, value: bool | None) -> None:
    if value:
        raise click.UsageError(
            "--trust-remote-code: the tokenizer's own code is never run here: give another "
            "--tokenizer",
            ctx,
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def metadata_of(ctx: click.Context, parameter: click.Parameter, value: Sequence[str]) -> Any:
    """`key=value` texts as a mapping."""
    pairs = [text.partition("=") for text in value]
    if wrong := [key for key, equals, _ in pairs if not (key and equals)]:
        raise click.BadParameter(f"{wrong[0]!r} is not key=value", ctx, parameter)
    return {key: text for key, _, text in pairs}
