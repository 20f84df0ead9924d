"""Loads a model and prints the most memory that this took: run in a process of its own.

What counts is resident memory of the process above that before loading, anonymous (RssAnon) and of
mapped files (RssFile) together, sampled every two milliseconds from /proc/self/status. The system's
cache of the files is not the process's.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import torch

from max.pipelines.config import PipelineConfig
from max.pipelines.lib.make_pipeline import make_pipeline
from max.pipelines.lib.registry import PIPELINE_REGISTRY

_INTERVAL_S = 0.002


def resident_bytes() -> int:
    """Anonymous pages and those of files that this process has in memory."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    sizes = dict(line.split(":", 1) for line in lines)
    return sum(int(sizes[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile"))


class Peak(threading.Thread):
    """Watches the memory until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.base = self.most = resident_bytes()
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(_INTERVAL_S):
            self.most = max(self.most, resident_bytes())


def load(folder: str, encoding: str) -> int:
    """The bytes that loading takes at its peak; what is imported for it belongs to the baseline."""
    torch.set_num_threads(1)
    config = PipelineConfig.from_flat_kwargs(
        model_path=folder,
        device_specs="cpu",
        quantization_encoding=None if encoding == "auto" else encoding,
        max_length=128,
        max_batch_size=1,
    )
    architecture = PIPELINE_REGISTRY.resolve(config)
    assert architecture.model_cls and config.model.huggingface_config
    peak = Peak()
    peak.start()
    make_pipeline(architecture, config)
    peak.ended.set()
    peak.join()
    return peak.most - peak.base


if __name__ == "__main__":
    print(json.dumps(load(*sys.argv[1:])))
