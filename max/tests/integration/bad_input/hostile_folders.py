"""Ways to make a model's folder hostile: each a name and a function that changes a good folder."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

Spoil = Callable[[Path], None]

DEEP = 100_000
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
VALUES: tuple[Any, ...] = (
    *(0, -1, 1.5, True, None, "x", [], {}, [1]),
    *(float("nan"), float("inf"), 2**31, 10**12, 10**30),
)
_CONFIG = """
    num_attention_heads num_key_value_heads hidden_size intermediate_size num_hidden_layers
    vocab_size max_position_embeddings rms_norm_eps rope_theta head_dim rope_parameters rope_scaling
    tie_word_embeddings eos_token_id bos_token_id architectures model_type dtype hidden_act
    quantization_config sliding_window layer_types attention_bias auto_map text_config
""".split()  # noqa: SIM905
_GENERATION = """
    eos_token_id bos_token_id temperature top_p top_k min_p repetition_penalty max_new_tokens
    do_sample
""".split()  # noqa: SIM905
_TOKENIZER = """
    eos_token bos_token added_tokens_decoder chat_template tokenizer_class model_max_length auto_map
    additional_special_tokens
""".split()  # noqa: SIM905
_BROKEN = ("[]", "1", "null", '"x"', "{", '{"a":' * DEEP, '{"a":"' + "x" * (40 << 20) + '"}')
_TEMPLATES = {
    "recursive": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "mutual": (
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}"
    ),
    "loops": "{% for i in range(10**12) %}{% endfor %}",
    "include": "{% include '/etc/passwd' %}",
    "deep": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "long": "{{ 1 }}" * 1_000_000,
    "attributes": "{{ ''.__class__.__mro__ }}",
    "unclosed": "{% endfor %}",
}
_REGEXES = ("(a+)+$", "(.*)*$", "(" * 3000 + ")" * 3000, "(", r"(?<a>x|\g<a>\g<a>)\g<a>")


def set_fields(file: str, fields: dict[str, Any], folder: Path) -> None:
    path = folder / file
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | fields))


def write(file: str, content: str | bytes, folder: Path) -> None:
    (folder / file).write_bytes(content.encode() if isinstance(content, str) else content)


def replace(file: str, how: Callable[[Path], object], folder: Path) -> None:
    (folder / file).unlink(missing_ok=True)
    how(folder / file)


def hostile_folders() -> Iterator[tuple[str, Spoil]]:
    """All of them; paths lead to files of this machine that are no model's."""
    for file, names in (
        ("config.json", _CONFIG),
        ("generation_config.json", _GENERATION),
        ("tokenizer_config.json", _TOKENIZER),
    ):
        for name in names:
            for value in VALUES:
                yield f"{file}-{name}-{value!r}", partial(set_fields, file, {name: value})
    for file in ("config.json", "generation_config.json", "tokenizer_config.json", INDEX):
        for content in _BROKEN:
            yield f"{file}-{content[:12]}-{len(content)}", partial(write, file, content)
    yield from _other_files()
    yield from _of_tokenizers()
    yield from _of_safetensors()
    indexed: tuple[Any, ...] = (
        5,
        None,
        [],
        {"a": 5},
        {"a": "/etc/passwd"},
        {"a": "../x"},
        {"a": ""},
    )
    for files in indexed:
        yield f"index-{files!r}", partial(_only_index, {"weight_map": files})


def _only_index(content: object, folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(json.dumps(content))


def _other_files() -> Iterator[tuple[str, Spoil]]:
    """What stands in the place of a file."""
    for file in ("config.json", "tokenizer.json", WEIGHTS, "chat_template.jinja"):
        for target in ("/etc/passwd", "/dev/zero", file):
            yield f"{file}-link-{target}", partial(replace, file, partial(_link, target))
        yield f"{file}-fifo", partial(replace, file, os.mkfifo)
        yield f"{file}-folder", partial(replace, file, Path.mkdir)


def _link(target: str, path: Path) -> None:
    path.symlink_to(target)


def _of_tokenizers() -> Iterator[tuple[str, Spoil]]:
    for name, template in _TEMPLATES.items():
        yield f"template-{name}", partial(write, "chat_template.jinja", template)
    for regex in _REGEXES:
        pattern = {"pattern": {"Regex": regex}}
        split = {"type": "Split", **pattern, "behavior": "Isolated", "invert": False}
        changes = {
            "pre_tokenizer": split,
            "normalizer": {"type": "Replace", **pattern, "content": ""},
        }
        for part, value in changes.items():
            yield f"{part}-{regex[:20]}", partial(set_fields, "tokenizer.json", {part: value})
    for part in (
        "model",
        "added_tokens",
        "pre_tokenizer",
        "decoder",
        "post_processor",
        "truncation",
    ):
        for value in VALUES:
            yield f"{part}-{value!r}", partial(set_fields, "tokenizer.json", {part: value})


def _of_safetensors() -> Iterator[tuple[str, Spoil]]:
    for length in (0, 7, 99_999_000, 100_000_000, 2**63, 2**64 - 1):
        yield f"header-of-{length}", partial(_set_length, length)
    for header in (
        b"[]",
        b"{",
        b'{"a":' * DEEP,
        b'{"a":5}',
        b'{"a":{"dtype":"F32","shape":[NaN]}}',
    ):
        yield (
            f"header-{header[:30]!r}",
            partial(write, WEIGHTS, struct.pack("<Q", len(header)) + header),
        )
    changes: dict[str, tuple[Any, ...]] = {
        "dtype": ("X", 5, None, "I64"),
        "shape": ([-1, 2], [2**62, 4], [2**63], [10**30], [], [0], "x", None, [1.5], [1] * 5000),
        "data_offsets": (
            [0, -1],
            [-4, 0],
            [2**62, 2**62 + 4],
            [5],
            "x",
            [4, 0],
            [0, 2**63],
            [0, 8],
        ),
    }
    for field, values in changes.items():
        for value in values:
            yield f"tensor-{field}-{str(value)[:30]}", partial(_change_first, field, value)
    yield "tensors-overlap", _overlap
    yield "tensor-twice", partial(_change_header, lambda head: head[:-1] + b"," + head[1:])


def _set_length(length: int, folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", length) + content[8:])


def _change_header(change: Callable[[bytes], bytes], folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = change(content[8:end].rstrip())
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header + content[end:])


def _change_tensors(change: Callable[[list[dict[str, Any]]], None], folder: Path) -> None:
    def changed(header: bytes) -> bytes:
        entries = json.loads(header)
        change([entry for name, entry in entries.items() if name != "__metadata__"])
        return json.dumps(entries).encode()

    _change_header(changed, folder)


def _change_first(field: str, value: object, folder: Path) -> None:
    _change_tensors(lambda tensors: tensors[0].update({field: value}), folder)


def _overlap(folder: Path) -> None:
    def change(tensors: list[dict[str, Any]]) -> None:
        tensors[1]["data_offsets"] = tensors[0]["data_offsets"]

    _change_tensors(change, folder)
