"""Products with weights in panels."""

from max.kernels.packed_linear.op import packed_linear, product_of_panels

__all__ = ["packed_linear", "product_of_panels"]
