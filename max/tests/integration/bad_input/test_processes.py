"""The server as a process that cannot start: one message, exit code 1, nothing left running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from integration.bad_input.conftest import CopyModel
from integration.bad_input.refusal import edit_json
from tests.serve.server_process import started

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
