"""How fast this machine can multiply and add, the bound of long prompts."""

from max.kernels.peak_arithmetic.measure import peak_arithmetic, run_peak_arithmetic

__all__ = ["peak_arithmetic", "run_peak_arithmetic"]
