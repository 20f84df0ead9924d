"""Control groups' limits, read from made-up file systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from max.driver.host_limits import cpu_quota, memory_left


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
    assert memory_left(write_files(tmp_path, files)) == [450]


def test_version_2_asks_the_parents_too(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/pod/box\n",
        "sys/fs/cgroup/pod/memory.max": "500\n",
        "sys/fs/cgroup/pod/memory.current": "400\n",
        "sys/fs/cgroup/pod/box/memory.max": "max\n",
        "sys/fs/cgroup/pod/box/memory.current": "300\n",
    }
    assert memory_left(write_files(tmp_path, files)) == [100]


def test_version_1(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/box\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "5000\n",
        "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "1000\n",
        "sys/fs/cgroup/memory/box/memory.usage_in_bytes": "900\n",
        "sys/fs/cgroup/memory/box/memory.stat": "cache 300\ntotal_inactive_file 200\n",
    }
    assert min(memory_left(write_files(tmp_path, files))) == 300


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
    assert memory_left(write_files(tmp_path, files)) == []


def test_a_group_above_its_limit_has_nothing_left(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "10",
        "sys/fs/cgroup/memory.current": "12",
    }
    assert memory_left(write_files(tmp_path, files)) == [0]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        # A systemd unit with CPUQuota=200%.
        (
            {
                "proc/self/cgroup": "0::/system.slice/model.service\n",
                "sys/fs/cgroup/system.slice/model.service/cpu.max": "200000 100000\n",
            },
            2,
        ),
        # A container of a pod without a cgroup namespace: the pod's quota binds it.
        (
            {
                "proc/self/cgroup": "0::/kubepods/pod1/box\n",
                "sys/fs/cgroup/kubepods/cpu.max": "max 100000\n",
                "sys/fs/cgroup/kubepods/pod1/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/kubepods/pod1/box/cpu.max": "400000 100000\n",
            },
            3,
        ),
        # A path of the host, of which only the container's own group is mounted.
        (
            {
                "proc/self/cgroup": "0::/kubepods/pod1/box\n",
                "sys/fs/cgroup/cpu.max": "50000 100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/box\n4:memory:/other\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        # Version 1, and no group has a limit.
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/box\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
    ],
)
def test_the_tightest_quota_of_the_groups_above_counts(
    tmp_path: Path, files: dict[str, str], expected: float | None
) -> None:
    assert cpu_quota(write_files(tmp_path, files)) == expected
