"""Every form of `--devices`."""

from __future__ import annotations

import pytest

from max.driver import DeviceSpec
from max.pipelines.config import device_specs
from max.pipelines.config.device_specs import parse_device_specs

GPUS = [DeviceSpec.accelerator(i) for i in range(3)]


@pytest.mark.parametrize(
    ("given", "specs"),
    [
        ("cpu", [DeviceSpec.cpu()]),
        (" CPU ", [DeviceSpec.cpu()]),
        ("gpu", [GPUS[0]]),
        ("gpu:1", [GPUS[1]]),
        ("gpu:0,2", [GPUS[0], GPUS[2]]),
        ("0,1", [GPUS[0], GPUS[1]]),
        ([0, 1], [GPUS[0], GPUS[1]]),
        (["gpu:1"], [GPUS[1]]),
        (["cpu"], [DeviceSpec.cpu()]),
        ([DeviceSpec.cpu()], [DeviceSpec.cpu()]),
        ([{"id": 1, "device_type": "gpu"}], [GPUS[1]]),
    ],
)
def test_accepted_forms(given: object, specs: list[DeviceSpec]) -> None:
    assert parse_device_specs(given) == specs


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("tpu", "allowed: cpu, gpu"),
        ("gpu:", "allowed: cpu, gpu"),
        ("gpu:-1", "allowed: cpu, gpu"),
        ("gpu:0,0", "names a device twice"),
        ([], "allowed: cpu, gpu"),
        (3, "allowed: cpu, gpu"),
        ([True], "does not name one device"),
        (["gpu:0,1"], "does not name one device"),
        ([DeviceSpec.cpu(), DeviceSpec.accelerator()], "mixes CPU and GPU"),
    ],
)
def test_refused_forms(given: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_device_specs(given)


def test_default_is_the_first_device_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_specs, "scan_available_devices", lambda: GPUS)
    assert parse_device_specs("default") == GPUS[:1]


def test_gpu_all_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_specs, "accelerator_count", lambda: 3)
    assert parse_device_specs("gpu:all") == GPUS
    monkeypatch.setattr(device_specs, "accelerator_count", lambda: 0)
    with pytest.raises(ValueError, match="no GPU that torch can use"):
        parse_device_specs("gpu:all")
