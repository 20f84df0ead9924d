"""The parts of `debug_model`: both sides' tensors, paired, and why the first departs."""
