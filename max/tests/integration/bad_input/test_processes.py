"""The server as a process that cannot start: one message, exit code 1, nothing left running."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil
import pytest

from integration.bad_input.conftest import CopyModel
from integration.bad_input.hostile_folders import hostile_folders
from integration.bad_input.refusal import copy_model, edit_json
from tests.serve.server_process import READY, started

# The command line is what is tested, though no import says so.
# build: deps = ["//max/python/max/entrypoints:pipelines"]
# build: size = "medium"

# In the environment of a test's processes, which all of their children inherit.
MARK = "BAD_INPUT_TEST"


def failed_start(folder: Path, *flags: str, **environment: str) -> str:
    """What `max serve` printed, after it has ended with exit code 1 and no process is left."""
    command = ["max.entrypoints.pipelines", "serve", *flags]
    with started(command, folder, {MARK: str(folder), **environment}) as server:
        assert list(marked(str(folder)))  # the server itself, or its children
        assert server.wait() == 1
        _, alive = psutil.wait_procs(list(marked(str(folder))), timeout=5)
        assert alive == []
    assert sum(line.startswith("Error: ") for line in server.output.splitlines()) == 1
    return server.output


def assert_served_or_refused(model: Path, name: str, folder: Path) -> None:
    """A server that starts answers and stops; whatever becomes of it, it leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="k") as temporary:
        command = ["max.entrypoints.pipelines", "serve", "--model", str(model), "--devices", "cpu"]
        with started(command, folder, {MARK: str(folder), "TMPDIR": temporary}) as server:
            assert server.process.stdout is not None
            lines = server.process.stdout
            server.url = next((f[1] for line in lines if (f := READY.search(line))), "")
            if server.url:
                body = {"model": str(model), "messages": [{"role": "user", "content": "x" * 40}]}
                response = server.client.post(
                    "/v1/chat/completions", json={**body, "max_tokens": 2}
                )
                assert response.status_code < 500, f"{name}: {response.text}"
                assert server.client.get("/health").status_code == 200, name
                server.process.terminate()
            assert server.wait() in ((0,) if server.url else (1, 2)), f"{name}: {server.output}"
            _, alive = psutil.wait_procs(list(marked(str(folder))), timeout=30)
            assert alive == [], name
        assert "Traceback" not in server.output, name
        assert list(Path(temporary).iterdir()) == [], name


def marked(value: str) -> Iterator[psutil.Process]:
    """The running processes that a test has started."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == value:
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def test_weights_that_do_not_fit(good_model: Path, tmp_path: Path) -> None:
    output = failed_start(
        tmp_path / "log", "--model", str(good_model), "--device-memory-utilization", "1e-7"
    )
    assert "Error: the model could not be loaded." in output
    assert "the model does not fit: weights 370.8 KiB" in output
    assert "Traceback" not in output


def test_relative_path_of_bazel_run(spoilt: CopyModel, tmp_path: Path) -> None:
    edit_json(spoilt() / "config.json", {"architectures": ["LlamaForCausalLN"]})
    directory = {"BUILD_WORKING_DIRECTORY": str(tmp_path)}
    output = failed_start(tmp_path / "log", "--model", "model", **directory)
    assert "No architecture found for LlamaForCausalLN" in output
    assert "Traceback" not in output


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_hostile_folders(good_model: Path, tmp_path: Path) -> None:
    """Some of each kind; all of them are tried by `max generate`."""
    for number, (name, spoil) in enumerate(islice(hostile_folders(), 7, None, 40)):
        model = copy_model(good_model, tmp_path / f"model{number}")
        spoil(model)
        assert_served_or_refused(model, name, tmp_path / f"log{number}")
