"""What the Triton kernels share. Only `language` imports triton, when a kernel first runs."""
