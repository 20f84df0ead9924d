"""Nemotron and Minitron: layer norms, squared ReLU without a gate, half of each head turned."""

from max.pipelines.architectures.nemotron.arch import nemotron_arch

ARCHITECTURES = [nemotron_arch]

__all__ = ["ARCHITECTURES", "nemotron_arch"]
