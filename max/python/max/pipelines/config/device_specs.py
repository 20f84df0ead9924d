"""Reading `--devices`: text, ids or specs to a list of device specs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from max.driver import DeviceSpec, accelerator_count, scan_available_devices

_ALLOWED = "cpu, gpu, gpu:all, gpu:0, gpu:0,1 or default"


def default_device_specs() -> list[DeviceSpec]:
    """The first accelerator, or the CPU where there is none."""
    return scan_available_devices()[:1]


def parse_device_specs(devices: Any) -> list[DeviceSpec]:
    """Reads a selection of devices.

    Args:
        devices: `cpu`, `gpu`, `gpu:all`, `gpu:0,1`, `default`, or a list whose entries are
            accelerator ids, `DeviceSpec`s or their fields as a mapping.

    Raises:
        ValueError: if the selection is malformed, empty, or mixes or repeats devices.
    """
    if isinstance(devices, str):
        return _parse_text(devices.strip().lower())
    if not isinstance(devices, Sequence) or not devices:
        raise ValueError(f"devices={devices!r} is not a selection of devices; allowed: {_ALLOWED}")
    specs = [_parse_entry(entry) for entry in devices]
    if len(set(specs)) != len(specs):
        raise ValueError(f"devices={_shown(specs)} names a device twice")
    if len({spec.device_type for spec in specs}) > 1:
        raise ValueError(f"devices={_shown(specs)} mixes CPU and GPU; use one kind")
    return specs


def _parse_text(text: str) -> list[DeviceSpec]:
    if text == "default":
        return default_device_specs()
    if text in ("cpu", "cpu:0"):
        return [DeviceSpec.cpu()]
    if text == "gpu":
        return [DeviceSpec.accelerator(0)]
    if text == "gpu:all":
        count = accelerator_count()
        if count == 0:
            raise ValueError("devices='gpu:all', but this machine has no GPU that torch can use")
        return [DeviceSpec.accelerator(index) for index in range(count)]
    if re.fullmatch(r"(gpu:)?\d+(,\d+)*", text):
        return parse_device_specs([int(i) for i in text.removeprefix("gpu:").split(",")])
    raise ValueError(f"devices={text!r} is not a selection of devices; allowed: {_ALLOWED}")


def _parse_entry(entry: object) -> DeviceSpec:
    if isinstance(entry, DeviceSpec):
        return entry
    if isinstance(entry, int) and not isinstance(entry, bool) and entry >= 0:
        return DeviceSpec.accelerator(entry)
    if isinstance(entry, dict) and set(entry) <= {"id", "device_type"}:
        return DeviceSpec(entry.get("id", 0), entry.get("device_type", "gpu"))
    if isinstance(entry, str):
        specs = _parse_text(entry.strip().lower())
        if len(specs) == 1:
            return specs[0]
    raise ValueError(f"{entry!r} does not name one device; allowed: {_ALLOWED}")


def _shown(specs: Sequence[DeviceSpec]) -> str:
    return ",".join(str(spec) for spec in specs)
