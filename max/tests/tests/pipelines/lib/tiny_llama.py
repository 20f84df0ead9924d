"""A tiny Llama model for tests of what makes and runs pipelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.pipelines.lib import PipelineConfig

# A package of one's own, as the documentation has it: a subclass, and a registration.
PACKAGE = """
from max.pipelines.architectures.llama3.model import Llama3Model
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.architectures.llama3.weight_adapters import convert_safetensor_state_dict
from max.graph.weights import WeightsFormat
from max.pipelines.lib import SupportedArchitecture
from max.pipelines.modeling.types import PipelineTask

class MyModel(Llama3Model):
    pass

my_arch = SupportedArchitecture(
    name="{name}",
    task=PipelineTask.TEXT_GENERATION,
    pipeline_model=MyModel,
    config=Llama3Config,
    weight_adapters={{WeightsFormat.safetensors: convert_safetensor_state_dict}},
)
ARCHITECTURES = [my_arch]
"""


def make_tiny_llama(folder: Path, architecture: str = "LlamaForCausalLM") -> Path:
    """A checkpoint, whose config.json names an architecture."""
    make_checkpoint(TINY_MODELS["tiny-llama"], folder)
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "architectures": [architecture]}), encoding="utf-8")
    return folder


def make_package(folder: Path, name: str, text: str) -> Path:
    """A Python package of one file."""
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(text, encoding="utf-8")
    return package


def make_config(folder: Path, **settings: Any) -> PipelineConfig:
    """A small pipeline's settings, on the CPU unless told otherwise."""
    defaults: dict[str, Any] = {
        "model_path": str(folder),
        "device_specs": "cpu",
        "max_batch_size": 4,
        "max_length": 128,
        "kv_cache_page_size": 16,
    }
    return PipelineConfig.from_flat_kwargs(**{**defaults, **settings})
