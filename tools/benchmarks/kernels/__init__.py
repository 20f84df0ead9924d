"""How fast kernels are against what the machine could do, and against torch's."""
