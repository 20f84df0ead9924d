"""How much memory is really available: the machine's, and what the control groups allow."""

from __future__ import annotations

from max.driver import Device
from max.driver.host_limits import memory_left


def available_memory(device: Device) -> int:
    """Bytes that this process could allocate on the device now without swapping."""
    if device.is_host:
        import psutil

        machine = int(psutil.virtual_memory().available)
        return min([machine, *memory_left()])
    import torch

    free, _ = torch.cuda.mem_get_info(device.to_torch())
    return free
