"""Control groups' limits, read from a made-up file system."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from max.driver import CPU
from max.pipelines.kv_cache.memory_limits import available_memory, cgroup_available


def write_files(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_version_2_counts_droppable_page_cache_as_available(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "1000\n",
        "sys/fs/cgroup/memory.current": "700\n",
        "sys/fs/cgroup/memory.stat": "anon 500\ninactive_file 150\nactive_file 50\n",
    }
    assert cgroup_available(write_files(tmp_path, files)) == [450]


def test_version_2_asks_the_parents_too(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/pod/box\n",
        "sys/fs/cgroup/pod/memory.max": "500\n",
        "sys/fs/cgroup/pod/memory.current": "400\n",
        "sys/fs/cgroup/pod/box/memory.max": "max\n",
        "sys/fs/cgroup/pod/box/memory.current": "300\n",
    }
    assert cgroup_available(write_files(tmp_path, files)) == [100]


def test_version_1(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/box\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "5000\n",
        "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "1000\n",
        "sys/fs/cgroup/memory/box/memory.usage_in_bytes": "900\n",
        "sys/fs/cgroup/memory/box/memory.stat": "cache 300\ntotal_inactive_file 200\n",
    }
    assert min(cgroup_available(write_files(tmp_path, files))) == 300


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/\n"},
        {"proc/self/cgroup": "0::/../../host/path\n"},
        {"proc/self/cgroup": "3:cpu:/\n", "sys/fs/cgroup/memory.max": "10"},
    ],
)
def test_a_process_without_limits(tmp_path: Path, files: dict[str, str]) -> None:
    assert cgroup_available(write_files(tmp_path, files)) == []


def test_a_group_above_its_limit_has_nothing_left(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "10",
        "sys/fs/cgroup/memory.current": "12",
    }
    assert cgroup_available(write_files(tmp_path, files)) == [0]


def test_the_machine_bounds_what_is_available() -> None:
    assert 0 < available_memory(CPU()) <= psutil.virtual_memory().total


def test_the_tightest_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "max.pipelines.kv_cache.memory_limits.cgroup_available", lambda: [4096, 1024]
    )
    assert available_memory(CPU()) == 1024
