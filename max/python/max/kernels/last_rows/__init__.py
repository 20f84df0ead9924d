"""The last row of each request of a ragged batch."""

from max.kernels.last_rows.op import last_rows

__all__ = ["last_rows"]
