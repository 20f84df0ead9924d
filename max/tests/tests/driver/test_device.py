"""Devices."""

from __future__ import annotations

import pytest
import torch

from max.driver import (
    CPU,
    GPU,
    Accelerator,
    Device,
    DeviceSpec,
    accelerator_api,
    accelerator_count,
    load_devices,
    scan_available_devices,
)


def test_the_host() -> None:
    assert (CPU().label, CPU().id, CPU().is_host, str(CPU())) == ("cpu", 0, True, "cpu:0")
    assert CPU().to_torch() == torch.device("cpu")
    assert Device.from_torch(torch.device("cpu")) == CPU()


def test_accelerators_are_named_like_torchs() -> None:
    device = Device.from_torch(torch.device("cuda", 1))
    assert (device.label, device.id, device.is_host) == ("gpu", 1, False)
    assert device.to_torch() == torch.device("cuda", 1)


def test_specs() -> None:
    assert DeviceSpec.cpu() == DeviceSpec(0, "cpu")
    assert DeviceSpec.accelerator(1) == DeviceSpec(1, "gpu")
    assert [str(s) for s in (DeviceSpec.cpu(), DeviceSpec.accelerator(1))] == ["cpu", "gpu:1"]
    assert load_devices([DeviceSpec.cpu()]) == [CPU()]


def test_a_device_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.driver.device.has_accelerator_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert accelerator_count() == 0
    assert accelerator_api() == "cpu"
    assert scan_available_devices() == [DeviceSpec.cpu()]
    for open_device in (Accelerator, GPU, lambda: load_devices([DeviceSpec.accelerator()])):
        with pytest.raises(ValueError, match=r"no accelerator 0: this machine has 0.*Use CPU\(\)"):
            open_device()


def test_devices_that_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.driver.device.has_accelerator_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert scan_available_devices() == [DeviceSpec.accelerator(0), DeviceSpec.accelerator(1)]
    assert Accelerator(1) == Device(1, "gpu")
    for index in (2, -1):
        with pytest.raises(ValueError, match=f"no accelerator {index}: this machine has 2"):
            Accelerator(index)
