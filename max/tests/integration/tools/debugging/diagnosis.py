"""From the first tensor that departs to what is probably wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from integration.tools.causes import (
    activations,
    attention,
    experts,
    latent,
    linear,
    norms,
    pooling,
    sums,
)
from integration.tools.causes.cause import Cause, Trial, is_close, judge
from integration.tools.debugging.comparison import Comparison, Row
from max.engine.weights import tensor_of
from max.nn import Attention, Embedding, Linear, Module
from max.nn.attention import LatentAttention
from max.nn.hooks.print_hook import ROOT
from max.nn.moe import Experts, MoE


@dataclass(frozen=True)
class Diagnosis:
    """Where the first difference arises, and why.

    Attributes:
        row: the first tensor that departs.
        layer: path of the layer whose own computation makes it, "model" for the whole.
        what: what that computation is.
        causes: likeliest first.
    """

    row: Row
    layer: str
    what: str
    causes: Sequence[Cause]


def diagnose(comparison: Comparison) -> Diagnosis | None:
    """What is wrong; None if nothing departs."""
    row = comparison.first_departure
    return None if row is None else _Investigation(comparison, row).diagnosis()


class _Investigation:
    """The tensors, layers and weights around one departure."""

    def __init__(self, comparison: Comparison, row: Row) -> None:
        self.comparison = comparison
        self.row = row
        self.ours = comparison.ours.tensors
        self.mine = self.ours[row.label]
        self.theirs = comparison.torch_tensors[row.label]
        self.hf_config: Mapping[str, Any] = comparison.theirs.model.config.to_dict()
        self.path, _, self.end = row.label.rpartition("-")
        self.parent = self.path.rpartition(".")[0]

    def diagnosis(self) -> Diagnosis:
        """By the kind of layer that made the tensor."""
        if self.row.label == "logits":
            trials = sums.logits_trials(self.mine, self.theirs, self.ours["lm_head-output"])
            return self._found("model", "logits from the head's output", trials, sums.OF_LOGITS)
        if self.row.label == "vector":
            rows = self.ours.get(f"{ROOT}-output", self.ours.get(f"{ROOT}-output.0"))
            assert rows is not None, "an embedder's graph gives rows"
            trials = pooling.trials(rows, self.mine, self.theirs)
            return self._found("model", "the vector of a text", trials, pooling.USUAL)
        if self.path == ROOT:
            return self._of_sum(self._block_before())
        if self.end == "output":
            return self._of_output(self.comparison.layer(self.path))
        maker = self.comparison.layer(self.parent) if self.parent else None
        if isinstance(maker, Attention) and f"{self.parent}.attend-output" in self.ours:
            after = [label for label in self.ours if label.startswith(f"{self.parent}.attend-")]
            if list(self.ours).index(self.row.label) > list(self.ours).index(after[-1]):
                return self._of_attention(maker)
        if isinstance(maker, LatentAttention) and self.row.label.endswith("o_proj-input"):
            return self._of_latent(maker)
        if self.path.endswith("down_proj") and f"{self.parent}.up_proj-output" in self.ours:
            gate = self.ours.get(f"{self.parent}.gate_proj-output")
            trials = activations.trials(self.ours[f"{self.parent}.up_proj-output"], gate)
            return self._found(self.parent, "activation of the MLP", trials, activations.USUAL)
        if self._is_first_block():
            trials = sums.embedding_trials(self.mine, self.theirs)
            return self._found(self.path, "what blocks are given", trials, sums.OF_EMBEDDINGS)
        layer = self._block_before() if self.parent in ("", "layers") else self.parent
        return self._of_sum(layer)

    def _of_output(self, layer: Module) -> Diagnosis:
        if isinstance(layer, Embedding):
            trials = sums.embedding_trials(self.mine, self.theirs)
            return self._found(self.path, "embedding", trials, sums.OF_EMBEDDINGS)
        x = self.ours.get(f"{self.path}-input")
        eps = getattr(layer, "eps", None)
        if x is not None and eps is not None:
            weight = self._weight(f"{self.path}.weight")
            offset = getattr(layer, "weight_offset", 0.0)
            trials = norms.trials(x, weight, self.theirs, eps, offset)
            return self._found(self.path, "normalization", trials, norms.USUAL)
        if x is not None and isinstance(layer, Linear):
            return self._of_linear(x)
        parent = self.comparison.layer(self.parent) if self.parent else None
        for path, mixture in ((self.path, layer), (self.parent, parent)):
            if isinstance(mixture, MoE) and (path == self.path or isinstance(layer, Experts)):
                return self._of_experts(path, mixture)
        return self._of_sum(self.path)

    def _of_experts(self, path: str, layer: MoE) -> Diagnosis:
        prefix = f"{path}."
        weights = self._weights_in(prefix)
        given = experts.Given(
            layer,
            weights,
            self.ours[f"{prefix}experts-input"],
            self.ours[f"{prefix}router-output"],
            self.ours.get(f"{prefix}shared_expert-output") if path == self.path else None,
            f"{prefix}shared_expert_gate-output" in self.ours,
        )
        if is_close(given.compute(given.form()), self.theirs, self.mine):
            trials = experts.trials_of_code(given, self.mine, self.theirs)
        else:
            trials = experts.trials(given, self.hf_config)
        return self._found(path, "mixture of experts", trials, experts.USUAL)

    def _of_linear(self, x: torch.Tensor) -> Diagnosis:
        weight, bias = self._weight(f"{self.path}.weight"), self._weight(f"{self.path}.bias")
        others = {
            name.removesuffix(".weight"): value
            for name in self.comparison.ours.weights
            if name.endswith(".weight") and (value := self._weight(name)) is not None
        }
        if weight is None:  # tied
            weight = others["embed_tokens"]
        maker = self.comparison.layer(self.parent) if self.parent else None
        head_dim = maker.head_dim if isinstance(maker, Attention) else None
        trials = linear.trials(x, weight, bias, self.theirs, others, head_dim)
        usual = linear.USUAL if self.parent else linear.OF_HEAD
        return self._found(self.path, "linear layer", trials, usual)

    def _of_attention(self, layer: Attention) -> Diagnosis:
        q, k, v = (self.ours[f"{self.parent}.attend-{name}"] for name in "qkv")
        bias = None if layer.mask.bias is None else self._weight(layer.mask.bias.name)
        form = attention.Form.of(layer, getattr(self.comparison.ours.model, "rope", None), bias)
        model = self.comparison.theirs.model
        frequencies = [
            buffer.float() for name, buffer in model.named_buffers() if "inv_freq" in name
        ]
        pair = self.comparison.pairs.get(self.parent)
        if is_close(form.attend(q, k, v), self.theirs, self.mine):
            trials = attention.trials_of_code(form, (q, k, v), self.mine, self.theirs, frequencies)
        else:
            module = None if pair is None else model.get_submodule(pair.path)
            normed = [] if pair is None else self._normed(pair.path, (q, k))
            trials = attention.trials(form, (q, k, v), self.hf_config, module, frequencies, normed)
        return self._found(self.parent, "attention", trials, attention.USUAL)

    def _of_latent(self, layer: LatentAttention) -> Diagnosis:
        prefix = f"{self.parent}."
        last = "q_b_proj" if layer.is_compressed else "q_proj"
        pair = self.comparison.pairs.get(self.parent)
        model = self.comparison.theirs.model
        trials = latent.trials(
            layer,
            self._weights_in(prefix),
            self.ours[f"{prefix}{last}-output"],
            self.ours[f"{prefix}kv_a_proj-output"],
            self.hf_config,
            None if pair is None else model.get_submodule(pair.path),
            [buffer.float() for name, buffer in model.named_buffers() if "inv_freq" in name],
        )
        return self._found(self.parent, "latent attention", trials, attention.USUAL)

    def _normed(self, path: str, qk: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """What norms of queries and keys give in PyTorch's attention."""
        tensors = self.comparison.theirs.tensors
        return [
            tensor
            for name, ours in zip("qk", qk, strict=True)
            for label, tensor in tensors.items()
            if label.startswith(f"{path}.{name}_")
            and label.endswith("norm-output")
            and tensor.shape == ours.shape
        ]

    def _of_sum(self, layer: str) -> Diagnosis:
        """What a block adds up, from what is known before the tensor."""
        labels = list(self.ours)
        before = labels[: labels.index(self.row.label)]
        inside = [name for name in before if name.startswith(layer)]
        trials = sums.trials(self.mine, self.theirs, {n: self.ours[n] for n in _distinct(inside)})
        return self._found(layer, "sum of what its layers give", trials, sums.USUAL)

    def _found(
        self, layer: str, what: str, trials: Iterable[Trial], usual: Sequence[Cause]
    ) -> Diagnosis:
        causes = judge(trials, self.mine, self.theirs, usual)
        return Diagnosis(self.row, layer, what, causes)

    def _weights_in(self, prefix: str) -> dict[str, torch.Tensor]:
        """The weights of a layer that are made of plain numbers, by their names within it."""
        return {
            name.removeprefix(prefix): weight
            for name in self.comparison.ours.weights
            if name.startswith(prefix) and (weight := self._weight(name)) is not None
        }

    def _weight(self, name: str) -> torch.Tensor | None:
        """A weight of ours, if it is made of plain numbers."""
        value = self.comparison.ours.weights.get(name)
        tensor = None if value is None else tensor_of(value)
        return tensor.float() if tensor is not None and tensor.is_floating_point() else None

    def _is_first_block(self) -> bool:
        first = next(label for label in self.ours if label.endswith("-input"))
        return self.row.label == first

    def _block_before(self) -> str:
        """The block whose sum is handed on here, although its own output has no counterpart."""
        labels = list(self.ours)
        blocks = [
            name.removesuffix("-output")
            for name in labels[: labels.index(self.row.label)]
            if name.startswith("layers.") and name.count(".") == 1 and name.endswith("-output")
        ]
        return blocks[-1] if blocks else "model"


def _distinct(labels: Sequence[str]) -> list[str]:
    """What a block may add: its input, and what layers in it give, but for attention's parts."""
    outside = ("_proj", ".attend")
    return [
        label
        for index, label in enumerate(labels)
        if (index == 0 or label.endswith("-output")) and not any(w in label for w in outside)
    ]
