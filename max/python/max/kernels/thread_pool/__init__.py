"""The one thread pool that all CPU kernels share."""

from max.kernels.thread_pool.cores import available_cores
from max.kernels.thread_pool.pool import num_threads, pool_handle, set_num_threads

__all__ = ["available_cores", "num_threads", "pool_handle", "set_num_threads"]
