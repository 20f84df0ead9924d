"""Runs one checkpoint in MAX and in PyTorch on the same tokens, and keeps every layer's tensors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from integration.test_common.step_runner import StepRunner
from integration.test_common.torch_print_hook import TorchPrintHook
from integration.test_common.torch_reference import TorchReference
from integration.tools.causes.pooling import POOLINGS
from max.nn import Module
from max.nn.hooks import PrintHook
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig
from max.pipelines.modeling.types import PipelineTask

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class MaxSide:
    """What MAX computed.

    Attributes:
        tensors: by label, `layers.0.mlp-output`, in the order of computing; [rows, ...] over all
            tokens, prompt and generated.
        tokens: prompt and generated.
        model: the decoder.
        weights: its state dict, as it was loaded.
    """

    tensors: Tensors
    tokens: list[int]
    model: Module
    weights: Mapping[str, Any]


@dataclass(frozen=True)
class TorchSide:
    """What PyTorch computed.

    Attributes:
        tensors: by label, `model.layers.0.mlp-output`; [rows, ...].
        model: transformers' model.
    """

    tensors: Tensors
    model: Any


def run_max(
    folder: Path,
    prompt: Sequence[int],
    encoding: str = "float32",
    num_steps: int = 1,
    custom_architectures: Sequence[str] = (),
) -> MaxSide:
    """Runs MAX: the prompt as one step, then each generated token.

    Args:
        folder: the checkpoint.
        prompt: token ids.
        encoding: of the weights.
        num_steps: tokens to generate.
        custom_architectures: packages with architectures of one's own.

    Raises:
        ValueError: if the model cannot be made, or loads its weights without `load_state_dict`.
    """
    with watch_loading() as loaded:
        runner = StepRunner(folder, encoding, custom_architectures=custom_architectures)
    if not loaded:
        raise ValueError(
            "the model's layers did not take their weights by Module.load_state_dict: call "
            "PrintHook().name_layers(...) where the package builds its graph"
        )
    model, weights = loaded[-1]
    steps: dict[str, list[torch.Tensor]] = {}
    session = runner.pipeline.pipeline_model.session
    session.printer = lambda tensor, label: steps.setdefault(label, []).append(tensor.clone())
    request = runner.start(prompt)
    runner.finish_prompt(request, len(prompt))
    for _ in range(num_steps - 1):
        runner.step([(request, 1)])
    runner.end(request)
    rows = [len(prompt), *[1] * (num_steps - 1)]
    tensors = {
        label: torch.cat(parts).flatten(1)
        for label, parts in steps.items()
        if [len(part) for part in parts] == rows  # not what has another axis first
    }
    tensors["logits"] = torch.from_numpy(request.logits)
    return MaxSide(tensors, request.tokens[: len(request.logits)], model, weights)


def run_max_embedder(
    folder: Path,
    text: Sequence[int],
    encoding: str = "float32",
    custom_architectures: Sequence[str] = (),
) -> MaxSide:
    """Runs MAX on a text whose vector is asked for; that is the last tensor, "vector".

    Args:
        folder: the checkpoint.
        text: token ids.
        encoding: of the weights.
        custom_architectures: packages with architectures of one's own.
    """
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        quantization_encoding=encoding,
        device_specs="cpu",
        max_batch_size=1,
        custom_architectures=list(custom_architectures),
    )
    with watch_loading() as loaded:
        _, pipeline = PIPELINE_REGISTRY.retrieve(config, PipelineTask.EMBEDDINGS_GENERATION)
    model, weights = loaded[-1]
    tensors: Tensors = {}

    def keep(tensor: torch.Tensor, label: str) -> None:
        if len(tensor) == len(text):  # not what is the same for all tokens
            tensors[label] = tensor.flatten(1).clone()

    pipeline.pipeline_model.session.printer = keep
    tensors["vector"] = torch.from_numpy(pipeline.encode([text]))
    return MaxSide(tensors, list(text), model, weights)


def run_torch_embedder(
    folder: Path, text: Sequence[int], encoding: str = "float32", trust_remote_code: bool = False
) -> TorchSide:
    """Runs PyTorch on a text; its rows become a vector as sentence-transformers' files say.

    Args:
        folder: the checkpoint.
        text: token ids.
        encoding: dtype of the weights.
        trust_remote_code: whether model code in the folder may be run.
    """
    from transformers import AutoModel

    model = AutoModel.from_pretrained(
        folder,
        dtype=getattr(torch, encoding),
        attn_implementation="eager",
        trust_remote_code=trust_remote_code,
    ).eval()
    hook = _Collecting(len(text))
    hook.name_layers(model)
    with torch.inference_mode():
        rows = model(torch.tensor([list(text)])).last_hidden_state[0].float()
    hook.remove()
    return TorchSide({**hook.tensors, "vector": _vector(folder, rows)}, model)


def _vector(folder: Path, rows: torch.Tensor) -> torch.Tensor:
    """[1, width], by the files; the normalized mean where there are none."""
    modules = folder / "modules.json"
    kinds = ["Normalize"]
    if modules.is_file():
        kinds = [each["type"].rpartition(".")[2] for each in json.loads(modules.read_text())]
    pooling = folder / "1_Pooling" / "config.json"
    mode = "mean"
    if pooling.is_file():
        settings = json.loads(pooling.read_text())
        old = [key for key, on in settings.items() if key.startswith("pooling_mode_") and on]
        mode = settings.get("pooling_mode") or old[0].split("_")[2]
    vector = POOLINGS[mode](rows)[None]
    return torch.nn.functional.normalize(vector) if "Normalize" in kinds else vector


def run_torch(
    folder: Path, tokens: Sequence[int], encoding: str = "float32", trust_remote_code: bool = False
) -> TorchSide:
    """Runs PyTorch on all tokens at once.

    Args:
        folder: the checkpoint.
        tokens: token ids.
        encoding: dtype of the weights.
        trust_remote_code: whether model code in the folder may be run.
    """
    reference = TorchReference(folder, encoding, trust_remote_code=trust_remote_code)
    hook = _Collecting(len(tokens))
    hook.name_layers(reference.model)
    logits = torch.from_numpy(reference.logits(tokens))
    hook.remove()
    return TorchSide({**hook.tensors, "logits": logits}, reference.model)


@contextmanager
def watch_loading() -> Iterator[list[tuple[Module, Mapping[str, Any]]]]:
    """Watches the layers of every model that loads its weights meanwhile.

    Loading is the one thing that models of every kind do between being made and being run, so
    that no package needs to know of this.

    Yields:
        The models and what they loaded.
    """
    loaded: list[tuple[Module, Mapping[str, Any]]] = []
    load = Module.load_state_dict

    def load_and_watch(self: Module, state_dict: Mapping[str, Any], **settings: Any) -> None:
        load(self, state_dict, **settings)
        PrintHook().name_layers(self)
        loaded.append((self, dict(state_dict)))

    with patch.object(Module, "load_state_dict", load_and_watch):
        yield loaded


def write_tensors(tensors: Tensors, folder: Path) -> str:
    """Writes each tensor to `LABEL-0.pt`, as printers do; says what it has done."""
    folder.mkdir(parents=True, exist_ok=True)
    for label, tensor in tensors.items():
        torch.save(tensor, folder / f"{label}-0.pt")
    return f"Wrote {len(tensors)} tensors to {folder}"


class _Collecting(TorchPrintHook):
    """Keeps the first tensor of each label, with one row per token."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.tensors: Tensors = {}

    def print_value(self, name: str, value: torch.Tensor) -> None:
        if name in self.tensors or value.numel() % self.rows:
            return
        if value.ndim == 4 and value.shape[2] == self.rows != value.shape[1]:
            value = value.transpose(1, 2)  # [batch, heads, rows, head_dim]
        self.tensors[name] = value.reshape(self.rows, -1).clone()
