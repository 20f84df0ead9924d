"""The keys of a server, from its start to its end: who sees them, and what they open."""

# The command line is what is tested, though no import says so.
# build: deps = ["//max/python/max/entrypoints:pipelines"]
# build: size = "medium"

from __future__ import annotations

import hashlib
import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.serve.endpoint_folder import EndpointFolder
from tests.serve.server_process import ServerProcess, ready

GIVEN, ADMIN, OLD, NEW = "given-on-the-line", "admin-of-environment", "old-of-file", "new-of-file"
WITHIN_S = 60.0


def write_keys(path: Path, *keys: str) -> None:
    entries = [
        {"name": f"name-{number}", "sha256": hashlib.sha256(key.encode()).hexdigest()}
        for number, key in enumerate(keys)
    ]
    path.write_text(json.dumps({"keys": entries}), encoding="utf-8")


@pytest.fixture(scope="module")
def temporary() -> Iterator[Path]:
    """The server's temporary folder; short, for there are sockets in it."""
    with tempfile.TemporaryDirectory(prefix="k") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    write_keys(path, OLD)
    return path


@pytest.fixture(scope="module")
def server(
    temporary: Path, keys_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    model = cached_checkpoint(TINY_MODELS["tiny-llama"])
    flags = ["--model", str(model), "--devices", "cpu"]
    keys = ["--api-key", GIVEN, "--api-keys-file", str(keys_file)]
    environment = {"MAX_SERVE_ADMIN_API_KEY": ADMIN, "TMPDIR": str(temporary)}
    command = ["max.entrypoints.pipelines", "serve", *flags, *keys]
    with ready(command, tmp_path_factory.mktemp("server"), environment) as running:
        yield running


def status(server: ServerProcess, key: str, path: str = "/v1/models") -> int:
    headers = {"authorization": f"Bearer {key}"}
    return server.client.get(path, headers=headers).status_code


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline


def test_processes_of_the_server_have_no_keys(server: ServerProcess) -> None:
    children = psutil.Process(server.process.pid).children(recursive=True)
    # The worker, what renders templates, and what tracks resources.
    assert len(children) >= 3
    for child in children:
        seen = f"{child.environ()} {child.cmdline()}"
        assert not [key for key in (GIVEN, ADMIN, OLD) if key in seen], child.cmdline()


def test_key_on_the_command_line_is_warned_of(server: ServerProcess) -> None:
    assert server.output.count("can see the key given with --api-key,") == 1
    assert "--admin-api-key" not in server.output


def test_each_key_opens_what_it_is_for(server: ServerProcess) -> None:
    assert [status(server, key) for key in (GIVEN, ADMIN, OLD, NEW)] == [200, 200, 200, 401]
    resets = [
        server.client.post("/reset_prefix_cache", headers={"authorization": f"Bearer {key}"})
        for key in (GIVEN, OLD, ADMIN)
    ]
    assert [reset.status_code for reset in resets] == [403, 403, 200]
    metrics = {
        key: httpx.get(server.metrics_url, headers={"authorization": f"Bearer {key}"}).status_code
        for key in (GIVEN, ADMIN)
    }
    assert metrics == {GIVEN: 403, ADMIN: 200}
    assert httpx.get(server.metrics_url).status_code == 401


def test_file_is_read_again_and_a_broken_one_changes_nothing(
    server: ServerProcess, keys_file: Path
) -> None:
    write_keys(keys_file, NEW)
    assert status(server, NEW) == 401
    server.signal(signal.SIGHUP)
    wait_for(lambda: status(server, NEW) == 200)
    assert status(server, OLD) == 401

    keys_file.write_text('{"keys": 5}')
    server.signal(signal.SIGHUP)
    wait_for(lambda: "The API keys stay as they were" in server.output)
    assert [status(server, key) for key in (NEW, GIVEN, ADMIN, OLD)] == [200, 200, 200, 401]


def test_no_key_is_logged(server: ServerProcess) -> None:
    keys = (GIVEN, ADMIN, OLD, NEW)
    digests = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    assert not [secret for secret in (*keys, *digests) if secret in server.output]


def test_what_a_killed_server_leaves_goes_with_the_next_start(
    server: ServerProcess, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last test of the module: nothing has time to tidy up."""
    (left,) = temporary.iterdir()
    assert left.stat().st_mode & 0o077 == 0
    children = psutil.Process(server.process.pid).children(recursive=True)
    for child in children:
        child.suspend()  # else the worker would see its parent's end, and tidy up
    server.process.kill()
    for child in children:
        child.kill()
    psutil.wait_procs(children, timeout=WITHIN_S)
    server.process.wait()
    assert left.exists()

    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    following = EndpointFolder()

    assert list(temporary.iterdir()) == [following.path]
    following.close()
