"""Tests of `max.serve.clients`."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from max.pipelines.config import ConfigurationError
from max.serve.clients import MAX_NAME_LENGTH, Client, Keys, digest_of


def keys_of(*entries: dict[str, Any]) -> str:
    return json.dumps({"keys": entries})


def write_keys(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(keys_of(*entries), encoding="utf-8")
    return path


def entry(name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "sha256": digest_of(key).hex(), **more}


def test_keys_are_found_by_their_header(tmp_path: Path) -> None:
    file = write_keys(
        tmp_path / "keys.json", entry("team", "t", weight=2.5), entry("boss", "b", admin=True)
    )
    keys = Keys(["u", "v"], ["a"], file)

    assert keys.find("Bearer v") == Client("key-2", has_key=True)
    assert keys.find("bearer a") == Client("admin-1", is_admin=True, has_key=True)
    assert keys.find("Bearer t") == Client("team", 2.5, has_key=True)
    assert keys.find("Bearer b") == Client("boss", is_admin=True, has_key=True)
    assert [keys.find(header) for header in (None, "", "t", "Basic t", "Bearer x")] == [None] * 5


def test_server_without_keys_asks_for_none(tmp_path: Path) -> None:
    assert not Keys()
    assert Keys(["u"]) and Keys(admin_keys=["a"])
    assert Keys(file=write_keys(tmp_path / "keys.json"))
    assert not Keys(["u"]).has_admins
    assert Keys(admin_keys=["a"]).has_admins


def test_all_behind_the_scheme_is_the_key() -> None:
    keys = Keys(["u"])
    assert keys.find("Bearer  u ") is not None
    assert keys.find("Bearer x u") is keys.find("Bearer u x") is None


@pytest.mark.parametrize("name", ["a", "ä" * MAX_NAME_LENGTH])
def test_names_of_any_length_that_is_allowed(tmp_path: Path, name: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [entry(name, "k")]}, ensure_ascii=False), encoding="utf-8")
    assert Keys(file=file).find("Bearer k") == Client(name, has_key=True)


def test_number_of_keys_is_told_when_they_were_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = Keys(["u", "v"], file=write_keys(tmp_path / "keys.json", entry("a", "k")))
    with caplog.at_level(logging.INFO):
        keys.reload()
    assert caplog.messages == ["3 API keys are known now"]


def test_file_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write_keys(tmp_path / "keys.json", entry("old", "o"))
    keys = Keys(["u"], file=file)
    write_keys(file, entry("new", "n"))

    keys.reload()

    assert keys.find("Bearer o") is None
    assert keys.find("Bearer n") == Client("new", has_key=True)
    assert keys.find("Bearer u") is not None

    file.write_text("{", encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        keys.reload()
    assert keys.find("Bearer n") is not None
    assert "--api-keys-file" in caplog.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"keys": [1]}', "AttributeError"),
        (keys_of({"name": "a"}), "KeyError: 'sha256'"),
        (keys_of({"name": "a", "sha256": "12"}), "the sha256 of 'a' has 1 bytes"),
        (keys_of(entry("a", "k", weight=0)), "the weight or the name of 'a'"),
        (keys_of(entry("a", "k", weight="2")), "ValueError: 'weight': '2'"),
        (keys_of(entry("a", "k", weight=float("inf"))), "the weight or the name of 'a'"),
        (keys_of(entry("a" * (MAX_NAME_LENGTH + 1), "k")), "the weight or the name of 'aaaa"),
        (keys_of(entry("", "k")), "the weight or the name of ''"),
        (keys_of(entry("a", "k", wight=2)), "ValueError: 'wight': 2"),
        (keys_of(entry("a", "k"), entry("a", "l")), "a name or a sha256 is there twice"),
        (keys_of(entry("a", "k"), entry("b", "k")), "a name or a sha256 is there twice"),
    ],
)
def test_files_that_say_something_else(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(ConfigurationError, match="--api-keys-file") as refused:
        Keys(file=path)
    assert said in str(refused.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        Keys(file=tmp_path / "none.json")
