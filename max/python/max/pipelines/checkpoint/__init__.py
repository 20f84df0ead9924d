"""Checkpoints: where weights and their descriptions come from, and what they say of themselves.

Nothing here imports torch.
"""
