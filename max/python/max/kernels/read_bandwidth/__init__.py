"""How fast this machine's memory can be read, the bound of decoding."""

from max.kernels.read_bandwidth.measure import read_bandwidth, read_rate

__all__ = ["read_bandwidth", "read_rate"]
