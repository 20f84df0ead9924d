"""What is a family's own stands in its folder: no module outside names a family."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import max.pipelines.architectures
from max.pipelines.lib.registry import PIPELINE_REGISTRY

ARCHITECTURES = Path(max.pipelines.architectures.__file__).parent
ROOT = ARCHITECTURES.parents[1]
# Kinds of tokenizers, and of what answers are written in, some of which are called as a family is.
OTHER_KINDS = (
    "pipelines/checkpoint/gguf/special_tokens.py",
    "pipelines/checkpoint/gguf/tokenizer.py",
    "pipelines/checkpoint/gguf/splits.py",
    "pipelines/parsing/registry.py",
)


def names_of_families() -> set[str]:
    """Names of architectures, model types and GGUF files."""
    names: set[str] = set()
    for architecture in PIPELINE_REGISTRY.all_architectures():
        names.add(architecture.name)
        if architecture.config_fields is not None:
            names.add(architecture.config_fields.model_type)
        if architecture.gguf is not None:
            names.add(architecture.gguf.name)
    return names


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module that are no docstrings, by line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if id(node) not in docstrings and isinstance(node, ast.Constant):
            yield node.lineno, str(node.value)


def test_no_module_outside_names_a_family() -> None:
    modules = [path for path in ROOT.rglob("*.py") if ARCHITECTURES not in path.parents]
    assert len(modules) > 300, "the scan sees the package"
    names = names_of_families()
    assert {"LlamaForCausalLM", "llama", "qwen2"} <= names
    named = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b(?!\.cpp|-quantize)")
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in modules
        if not str(path).endswith(OTHER_KINDS)
        for line, text in texts_of(path)
        if named.search(text)
    ]
    assert not found, "\n".join(found)
