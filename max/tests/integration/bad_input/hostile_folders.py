"""Ways to make a model's folder hostile: each a name and a function that changes a good folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from integration.bad_input.hostile_files import (
    VALUES,
    Spoil,
    no_files,
    no_objects,
    safetensors,
    set_fields,
    write,
    wrong_fields,
)

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
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
_TEMPLATES = {
    "recursive": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "mutual": (
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}"
    ),
    "loops": "{% for i in range(10**12) %}{% endfor %}",
    "include": "{% include '/etc/passwd' %}",
    "deep": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "long": "{{ 1 }}" * 1_000_000,
    "nested": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "grows": (
        "{% set n = namespace(t='x') %}"
        "{% for i in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}"
    ),
    "power": "{{ 9 ** 9 ** 9 }}",
    "times": "{{ 'x' * 10 ** 11 }}",
    "attributes": "{{ ''.__class__.__mro__ }}",
    "unclosed": "{% endfor %}",
}
_REGEXES = ("(a+)+$", "(.*)*$", "(" * 3000 + ")" * 3000, "(", r"(?<a>x|\g<a>\g<a>)\g<a>")


def hostile_folders() -> Iterator[tuple[str, Spoil]]:
    """All of them; paths lead to files of this machine that are no model's."""
    for file, names in (
        ("config.json", _CONFIG),
        ("generation_config.json", _GENERATION),
        ("tokenizer_config.json", _TOKENIZER),
    ):
        yield from wrong_fields(file, names)
    for file in ("config.json", "generation_config.json", "tokenizer_config.json", INDEX):
        yield from no_objects(file)
    for file in ("config.json", "tokenizer.json", WEIGHTS, "chat_template.jinja"):
        yield from no_files(file)
    yield from _of_tokenizers()
    yield from safetensors(WEIGHTS)
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
