"""What runs and what tests need are parted in the locks."""

# build: data = ["//third_party/python:locks"]

from __future__ import annotations

import pytest

from third_party.python.update import FOLDER, entries
from tools.build.imports import workspace_root


def names(lock: str) -> set[str]:
    return {name for name, _ in entries((workspace_root() / FOLDER / f"{lock}.lock").read_text())}


def test_entries_keep_what_python_versions_need_apart() -> None:
    lock = "# head\na==1 ; python < '3.12' \\\n    --hash=x\n    # via b\na==2 \\\n    --hash=y\n"
    assert [(name, text.splitlines()[0][:4]) for name, text in entries(lock)] == [
        ("a", "a==1"),
        ("a", "a==2"),
    ]


@pytest.mark.parametrize("variant", ["cpu", "cuda"])
def test_a_package_is_in_one_lock(variant: str) -> None:
    running, dev = names(f"requirements_{variant}"), names(f"requirements_dev_{variant}")
    assert not running & dev
    assert {"torch", "llguidance"} <= running
    assert {"pytest", "mypy", "peft"} <= dev
    assert ("triton" in running) == (variant == "cuda")
    assert ("triton" in dev) == (variant == "cpu")
