"""Runs pytest under `bazel test`: JUnit results, --test_filter, shards."""

import os
import sys
import tempfile
from pathlib import Path

import pytest


class Shard:
    """Keeps every total-th test, beginning with index."""

    def __init__(self, index: int, total: int) -> None:
        self.index = index
        self.total = total

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselects the other shards' tests."""
        others = [item for n, item in enumerate(items) if n % self.total != self.index]
        config.hook.pytest_deselected(items=others)
        items[:] = items[self.index :: self.total]


def main(argv: list[str]) -> int:
    """Runs pytest with Bazel's wishes from the environment and returns its exit code."""
    with tempfile.TemporaryDirectory(prefix="t", dir=short_folder()) as folder:
        return run(argv, Path(folder, "t"))


def short_folder() -> str | None:
    """Returns where tests' folders go: a Unix socket's path has at most 107 bytes.

    Bazel's TEST_TMPDIR is longer than that. Its sandbox has a /tmp of its own.
    """
    return "/tmp" if os.access("/tmp", os.W_OK) else os.environ.get("TEST_TMPDIR")


def run(argv: list[str], base_folder: Path) -> int:
    """Runs pytest with the tests' temporary folders below base_folder."""
    environ = os.environ
    arguments = ["-p", "no:cacheprovider", "-c", "pyproject.toml", "--rootdir", ".", "-ra"]
    arguments += ["--basetemp", str(base_folder)]
    plugins: list[object] = []
    if scratch := environ.get("TEST_TMPDIR"):
        # The sandbox has no writable home, and libraries want one for caches.
        environ.setdefault("HOME", scratch)
    if results := environ.get("XML_OUTPUT_FILE"):
        arguments += ["--junitxml", results]
    if environ.get("TESTBRIDGE_TEST_RUNNER_FAIL_FAST") == "1":
        arguments += ["-x"]
    shards = int(environ.get("TEST_TOTAL_SHARDS") or 1)
    if shards > 1:
        Path(environ["TEST_SHARD_STATUS_FILE"]).touch()
        plugins.append(Shard(int(environ["TEST_SHARD_INDEX"]), shards))
    only = environ.get("TESTBRIDGE_TEST_ONLY")
    if only:
        arguments += ["-k", only]
    code = pytest.main([*arguments, *argv], plugins=plugins)
    if code == pytest.ExitCode.NO_TESTS_COLLECTED and (shards > 1 or only):
        return 0
    return int(code)


if __name__ == "__main__":
    if not sys.flags.safe_path:
        # The folder of this script, whose modules the tests did not ask for.
        del sys.path[0]
    sys.exit(main(sys.argv[1:]))
