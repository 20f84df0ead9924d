"""Devices and the buffers that live on them."""

from max.driver.buffer import Buffer, DLPackArray
from max.driver.device import (
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
from max.driver.load_buffer import load_max_buffer

# The name that packages written before `Buffer` use.
Tensor = Buffer

__all__ = [
    "CPU",
    "GPU",
    "Accelerator",
    "Buffer",
    "DLPackArray",
    "Device",
    "DeviceSpec",
    "Tensor",
    "accelerator_api",
    "accelerator_count",
    "load_devices",
    "load_max_buffer",
    "scan_available_devices",
]
