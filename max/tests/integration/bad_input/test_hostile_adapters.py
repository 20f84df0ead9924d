"""Adapters that somebody made to hurt: a server refuses each, or loads it, and goes on."""

# build: size = "medium"

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest

from integration.bad_input.hostile_adapters import hostile_adapters
from integration.bad_input.hostile_files import Spoil
from integration.bad_input.refusal import assert_answered_or_refused, copy_model
from integration.test_common.lora_files import write_random_adapter
from tests.serve.server_process import ServerProcess, ready

# Every so many is tried each day.
EVERY = 6
# Those of them that make other weights, or none, of what is a good adapter's.
LOADED = 200


@pytest.fixture(scope="module")
def good_adapter(good_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_adapter(tmp_path_factory.mktemp("adapter") / "good", good_model)


@pytest.fixture(scope="module")
def server(good_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    flags = ["--enable-lora", "--max-num-loras", "2", "--devices", "cpu"]
    command = ["max.entrypoints.pipelines", "serve", "--model", str(good_model), *flags]
    with ready(command, tmp_path_factory.mktemp("server")) as running:
        yield running


def load(server: ServerProcess, path: object) -> httpx.Response:
    body = {"lora_name": "hostile", "lora_path": str(path)}
    return server.client.post("/v1/load_lora_adapter", json=body)


def assert_refused_or_loaded(server: ServerProcess, path: object, name: str) -> None:
    response = load(server, path)
    assert response.status_code in (400, LOADED), f"{name}: {response.text}"
    if response.status_code == LOADED:
        unloaded = server.client.post("/v1/unload_lora_adapter", json={"lora_name": "hostile"})
        assert unloaded.status_code == LOADED, name
    else:
        assert len(response.json()["error"]["message"]) > len(str(path)), name


def assert_all_is_well(server: ServerProcess) -> None:
    health = server.client.get("/health").json()
    assert (health["status"], health["restarts"]) == ("ok", 0)
    assert "Traceback" not in server.output


def try_all(
    cases: Iterable[tuple[str, Spoil]], good: Path, folder: Path, server: ServerProcess
) -> None:
    for number, (name, spoil) in enumerate(cases):
        adapter = copy_model(good, folder / f"adapter{number}")
        spoil(adapter)
        assert_refused_or_loaded(server, adapter, name)
    assert load(server, good).status_code == LOADED
    assert_refused_or_loaded(server, good, "good")
    assert_all_is_well(server)


def test_some(good_adapter: Path, tmp_path: Path, server: ServerProcess) -> None:
    try_all(islice(hostile_adapters(), 0, None, EVERY), good_adapter, tmp_path, server)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all(good_adapter: Path, tmp_path: Path, server: ServerProcess) -> None:
    try_all(hostile_adapters(), good_adapter, tmp_path, server)


@pytest.mark.parametrize("step", [EVERY * 12, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.timeout(900)
def test_adapters_of_the_start(
    good_model: Path, good_adapter: Path, tmp_path: Path, step: int
) -> None:
    for number, (name, spoil) in enumerate(islice(hostile_adapters(), 0, None, step)):
        adapter = copy_model(good_adapter, tmp_path / f"adapter{number}")
        spoil(adapter)
        flags = ("--enable-lora", "--lora-paths", f"a={adapter}")
        assert_answered_or_refused(good_model, name, flags)


@pytest.mark.parametrize(
    "path",
    ["", "\0", "~nobody-is-called-so/x", "a" * 5_000, "a/" * 5_000, "/etc/passwd", "/proc/self"],
)
def test_paths_that_are_no_folder(server: ServerProcess, path: str) -> None:
    response = load(server, path)
    assert response.status_code == 400, response.text
    assert_all_is_well(server)


def test_folder_that_is_a_link_to_itself(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    assert load(server, tmp_path / "circle").status_code == 400
