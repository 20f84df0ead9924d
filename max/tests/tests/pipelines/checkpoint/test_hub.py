"""Downloads, against a server in this process that speaks the Hub's protocol."""

# build: size = "medium"

from __future__ import annotations

import errno
import hashlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from max.pipelines.checkpoint.hub import download_snapshot
from max.pipelines.modeling.errors import ModelSourceError
from tests.pipelines.checkpoint.gguf.gguf_models import write_model

MakeCheckpoint = Callable[..., Path]

SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


@dataclass
class FakeHub:
    """Repositories by name and revision, and a record of what was asked for."""

    repositories: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cut_once: set[str] = field(default_factory=set)
    downloads: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    def add(self, repo_id: str, folder: Path, revision: str = "main") -> None:
        """Publishes the files of a folder."""
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}
        self.repositories.setdefault(repo_id, {})[revision] = files

    def commit_of(self, repo_id: str, revision: str) -> str | None:
        """The commit hash of a revision, which may be such a hash itself; None if there is none."""
        for name in self.repositories[repo_id]:
            commit = hashlib.sha1(f"{repo_id}@{name}".encode()).hexdigest()
            if revision in (name, commit):
                return commit
        return None

    def files_of(self, repo_id: str, revision: str) -> dict[str, bytes]:
        """The files of a revision."""
        commit = self.commit_of(repo_id, revision)
        names = self.repositories[repo_id]
        return next(names[n] for n in names if self.commit_of(repo_id, n) == commit)

    def downloaded(self) -> list[str]:
        """The names of the files whose content was sent, sorted, each once."""
        return sorted({name for name, _ in self.downloads})


def make_handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """GET /api/models/ID/{revision,tree}/REV and {HEAD,GET} /ID/resolve/REV/FILE."""

        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            api = re.fullmatch(r"/api/models/(.+?)/(revision|tree)/([^/]+)", path)
            resolve = re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", path)
            match = api or resolve
            if match is None:
                self.refuse(404, "EntryNotFound")
                return
            repo_id, revision = match[1], match[3] if api else match[2]
            if repo_id in hub.gated:
                self.refuse(403, "GatedRepo")
            elif repo_id not in hub.repositories:
                self.refuse(404, "RepoNotFound")
            elif hub.commit_of(repo_id, revision) is None:
                self.refuse(404, "RevisionNotFound")
            elif api:
                self.send_listing(repo_id, revision, api[2])
            else:
                assert resolve is not None
                self.send_file(repo_id, revision, resolve[3])

        def refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def send_listing(self, repo_id: str, revision: str, kind: str) -> None:
            files = hub.files_of(repo_id, revision)
            listing: object = {"id": repo_id, "sha": hub.commit_of(repo_id, revision)}
            if kind == "tree":
                listing = [
                    {
                        "type": "file",
                        "path": name,
                        "size": len(data),
                        "oid": hashlib.sha1(data).hexdigest(),
                    }
                    for name, data in files.items()
                ]
            body = json.dumps(listing).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def send_file(self, repo_id: str, revision: str, name: str) -> None:
            data = hub.files_of(repo_id, revision)[name]
            span = self.headers.get("Range")
            start = int(span.removeprefix("bytes=").split("-")[0]) if span else 0
            self.send_response(206 if span else 200)
            self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", str(hub.commit_of(repo_id, revision)))
            self.send_header("Content-Length", str(len(data) - start))
            if span:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if self.command == "HEAD":
                return
            hub.downloads.append((name, span))
            if name in hub.cut_once:
                hub.cut_once.remove(name)
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
            else:
                self.wfile.write(data[start:])

    return Handler


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    fake = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(fake))
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Client:
    """Resolves models in a process of its own, because the Hub's client reads its settings once."""

    environment: dict[str, str]

    def resolve(self, repo_id: str, *, weights: bool = True, **fields: Any) -> list[str]:
        """The model's folder and, if asked for, its weight files; or the error's message."""
        code = (
            "import json, sys\n"
            "import max.pipelines.lib.registry\n"
            "from max.pipelines.config import MAXModelConfig, ModelSourceError\n"
            "fields, weights = json.loads(sys.argv[1])\n"
            "try:\n"
            "    config = MAXModelConfig.model_validate(fields)\n"
            "    found = [config.resolved_model_path]\n"
            "    found += config.resolved_weight_paths if weights else []\n"
            "    print(json.dumps([str(path) for path in found]))\n"
            "except ModelSourceError as error:\n"
            "    print(json.dumps(['error', str(error)]))\n"
        )
        values = {"model_path": repo_id, "device_specs": "cpu", **fields}
        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps([values, weights])],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        result: list[str] = json.loads(done.stdout)
        return result

    def error(self, repo_id: str, **fields: Any) -> str:
        """The message of the error that resolving the model gives."""
        kind, message = self.resolve(repo_id, **fields)
        assert kind == "error"
        return message


@pytest.fixture
def client(hub: FakeHub, tmp_path: Path, child_environment: dict[str, str]) -> Client:
    environment = {k: v for k, v in child_environment.items() if not k.startswith("HF_")}
    own = {"HF_HOME": str(tmp_path / "hf"), "MODULAR_MAX_CACHE_DIR": str(tmp_path / "max")}
    return Client(environment | {"HF_ENDPOINT": hub.url, **own})


def offline(client: Client) -> Client:
    return Client({**client.environment, "HF_HUB_OFFLINE": "1"})


def shard(folder: Path) -> None:
    """Turns the one weight file into two with an index, plus files that nothing needs."""
    (folder / "model.safetensors").rename(folder / SHARDS[0])
    (folder / SHARDS[1]).write_bytes(b"the second shard")
    index = {"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for name in ("consolidated.safetensors", "pytorch_model.bin", "README.md", "code.py"):
        (folder / name).write_bytes(name.encode())
    (folder / "original").mkdir()
    (folder / "original" / "extra.safetensors").write_bytes(b"extra")


def test_only_needed_files_and_only_once(
    hub: FakeHub, client: Client, make_checkpoint: MakeCheckpoint
) -> None:
    folder = make_checkpoint()
    shard(folder)
    hub.add("org/model", folder)
    [found] = client.resolve("org/model", weights=False)
    assert hub.downloaded() == ["config.json", "model.safetensors.index.json"]
    assert (Path(found) / "config.json").is_file()
    _, *weights = client.resolve("org/model")
    assert [Path(path).name for path in weights] == SHARDS
    assert hub.downloaded() == ["config.json", *SHARDS, "model.safetensors.index.json"]
    hub.downloads.clear()
    assert client.resolve("org/model") == [found, *weights]
    assert hub.downloads == []


def test_code_is_downloaded_only_when_trusted(
    hub: FakeHub, client: Client, make_checkpoint: MakeCheckpoint
) -> None:
    folder = make_checkpoint()
    (folder / "own.py").write_text("")
    hub.add("org/model", folder)
    [found] = client.resolve("org/model", weights=False, trust_remote_code=True)
    assert (Path(found) / "own.py").is_file()


def test_broken_connection_is_resumed(
    hub: FakeHub,
    client: Client,
    make_checkpoint: MakeCheckpoint,
    write_safetensors: Callable[..., Path],
) -> None:
    folder = make_checkpoint()
    # The client hands on what it got in pieces of 10 MiB; half of this is more than one.
    write_safetensors(folder / "model.safetensors", {"weight": ("I64", [24 << 17])})
    hub.add("org/model", folder)
    hub.cut_once.add("model.safetensors")
    _, weights = client.resolve("org/model")
    assert Path(weights).read_bytes() == (folder / "model.safetensors").read_bytes()
    spans = [span for name, span in hub.downloads if name == "model.safetensors"]
    assert spans == [None, f"bytes={10 << 20}-"]


def test_revisions(hub: FakeHub, client: Client, make_checkpoint: MakeCheckpoint) -> None:
    old, new = make_checkpoint(folder="old"), make_checkpoint(folder="new", hidden_size=8)
    hub.add("org/model", old, revision="v1")
    hub.add("org/model", new, revision="main")
    for revision, folder in (("v1", old), ("main", new)):
        found, weights = client.resolve("org/model", huggingface_model_revision=revision)
        assert (Path(found) / "config.json").read_bytes() == (folder / "config.json").read_bytes()
        assert Path(weights).parent == Path(found)
    assert "has no revision 'v9'" in client.error("org/model", huggingface_model_revision="v9")


def test_offline_after_a_first_download(
    hub: FakeHub, client: Client, make_checkpoint: MakeCheckpoint
) -> None:
    hub.add("org/model", make_checkpoint())
    assert "HF_HUB_OFFLINE is set" in offline(client).error("org/model")
    found = client.resolve("org/model")
    hub.repositories.clear()
    assert offline(client).resolve("org/model") == found


@pytest.mark.slow
def test_a_hub_that_is_away_after_a_first_download(
    hub: FakeHub, client: Client, make_checkpoint: MakeCheckpoint
) -> None:
    """huggingface_hub asks again and again, with pauses: some 40 seconds."""
    hub.add("org/model", make_checkpoint())
    found = client.resolve("org/model")
    away = Client({**client.environment, "HF_ENDPOINT": "http://127.0.0.1:9"})
    assert away.resolve("org/model") == found


def test_offline_after_half_a_download(
    hub: FakeHub, client: Client, make_checkpoint: MakeCheckpoint
) -> None:
    hub.add("org/model", make_checkpoint())
    client.resolve("org/model", weights=False)
    assert "no complete copy of 'org/model'" in offline(client).error("org/model")


def test_missing_shard(hub: FakeHub, client: Client, make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint()
    shard(folder)
    (folder / SHARDS[1]).unlink()
    hub.add("org/model", folder)
    assert f"1 are missing: {SHARDS[1]}" in client.error("org/model")


def test_refusals(hub: FakeHub, client: Client) -> None:
    message = client.error("org/nothing")
    assert "no local folder 'org/nothing' and no repository of that name on " + hub.url in message
    hub.gated.add("org/gated")
    assert "gated: accept its conditions" in client.error("org/gated")
    assert "HF_TOKEN" in client.error("org/gated")


def test_no_connection(client: Client) -> None:
    unreachable = Client({**client.environment, "HF_ENDPOINT": "http://127.0.0.1:9"})
    message = unreachable.error("org/model")
    assert "no local folder 'org/model', and downloading it from http://127.0.0.1:9" in message


def test_cache_that_cannot_be_written(client: Client, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    blocked = Client({**client.environment, "HF_HOME": str(tmp_path / "file" / "hf")})
    message = blocked.error("org/model")
    assert f"cannot download 'org/model' into the cache {tmp_path}/file/hf/hub" in message
    assert "set HF_HOME to a folder that you may write" in message


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, "no disk space left in"), (errno.EROFS, "set HF_HOME to a folder that you")],
)
def test_disk_that_takes_no_more(monkeypatch: pytest.MonkeyPatch, number: int, told: str) -> None:
    def fail(*unused: object, **unused_too: object) -> str:
        raise OSError(number, "from the disk")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(ModelSourceError, match=told):
        download_snapshot("org/model", "main", ["*"])


def test_gguf_repository(hub: FakeHub, client: Client, tmp_path: Path) -> None:
    """Only the file of the encoding that is meant is downloaded; its name tells which it is."""
    folder = tmp_path / "gguf"
    folder.mkdir()
    for name, kind in (("a-Q2_K", "Q4_1"), ("b-Q4_0", "Q4_0"), ("c-Q8_0", "Q8_0")):
        write_model(folder / f"{name}.gguf", kind)
    hub.add("org/model-GGUF", folder)
    made, *weights = client.resolve("org/model-GGUF")
    assert [Path(path).name for path in weights] == ["b-Q4_0.gguf"]
    assert (Path(made) / "config.json").is_file()
    assert hub.downloaded() == ["b-Q4_0.gguf"]
    _, *weights = client.resolve("org/model-GGUF", quantization_encoding="q8_0")
    assert [Path(path).name for path in weights] == ["c-Q8_0.gguf"]
    hub.repositories.clear()
    assert offline(client).resolve("org/model-GGUF", quantization_encoding="q8_0")[1:] == weights


def test_weights_of_one_s_own_on_a_gguf_repository(
    hub: FakeHub, client: Client, tmp_path: Path
) -> None:
    """`--model BASE --weight-path FILE.gguf`: nothing large of the base is downloaded."""
    folder = tmp_path / "gguf"
    folder.mkdir()
    write_model(folder / "base-Q4_0.gguf", "Q4_0")
    hub.add("org/model-GGUF", folder)
    tuned = write_model(tmp_path / "tuned-q8_0.gguf", "Q8_0")
    made, *weights = client.resolve(
        "org/model-GGUF", weight_path=[str(tuned)], quantization_encoding="q8_0"
    )
    assert weights == [str(tuned)]
    assert Path(made).name.startswith("tuned-q8_0-")
    assert hub.downloaded() == []
