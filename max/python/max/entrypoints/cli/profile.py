"""What `max generate --profile` shows: where the time of an answer goes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from max.benchmark.table import aligned

if TYPE_CHECKING:
    from max.engine.replay import OpTime
    from max.entrypoints.cli.answering import Answer


@dataclass(frozen=True)
class Phase:
    """Prefill or decoding.

    Attributes:
        name: which.
        steps: executions of the model.
        seconds: of the phase, everything included.
        ops: the kernels' times.
    """

    name: str
    steps: int
    seconds: float
    ops: Sequence[OpTime]


@dataclass(frozen=True)
class Profile:
    """The phases of an answer, beside the bound of this machine.

    Attributes:
        phases: prefill, and decoding if there was any.
        bandwidth: reading main memory, in bytes per second; None where it cannot be measured.
        cuts: operations that run outside of the recorded programs, and where they were written.
        loads: for each layer of experts, the tokens that each expert had.
    """

    phases: Sequence[Phase]
    bandwidth: float | None
    cuts: Sequence[str] = ()
    loads: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def table(self, top_n: int) -> str:
        """One block for each phase, the slowest kernels first; and what is not in them."""
        blocks = [self._block(phase, top_n) for phase in self.phases]
        if self.loads:
            blocks.append(self._experts())
        cuts = "\n".join(f"program cut at {cut}" for cut in self.cuts)
        return "\n\n".join([*blocks, *([cuts] if cuts else [])])

    def write(self, path: Path) -> None:
        """Writes all numbers as JSON."""
        content: dict[str, Any] = {"read_bandwidth": self.bandwidth, "cuts": list(self.cuts)}
        if self.loads:
            content["tokens_per_expert"] = {layer: [*own] for layer, own in self.loads.items()}
        for phase in self.phases:
            content[phase.name] = {
                "steps": phase.steps,
                "seconds": phase.seconds,
                "ops": [asdict(op) for op in phase.ops],
            }
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def _block(self, phase: Phase, top_n: int) -> str:
        head = ("kernel", "calls", "ms/step", "time", "MB/step", "GB/s", "of the bound")
        rows = [self._row(phase, op) for op in phase.ops[:top_n]]
        hidden = phase.ops[top_n:]
        if hidden:
            rows.append(self._rest(phase, f"{len(hidden)} more", sum(op.seconds for op in hidden)))
        native = sum(op.seconds for op in phase.ops)
        rows.append(self._rest(phase, "all else (Python, sampling)", phase.seconds - native))
        rows.append(self._rest(phase, "sum", phase.seconds))
        known = f", memory reads {self.bandwidth / 1e9:.1f} GB/s" if self.bandwidth else ""
        title = f"{phase.name}: {phase.steps} step{'s' if phase.steps != 1 else ''}{known}"
        return f"{title}\n{aligned([head, *rows], indent='')}"

    def _experts(self) -> str:
        """How evenly each layer's experts were chosen."""
        head = ("experts of", "experts", "tokens each", "most", "of the mean", "idle")
        rows = [
            (
                layer,
                f"{len(tokens)}",
                f"{sum(tokens) / len(tokens):.1f}",
                f"{max(tokens)}",
                f"{max(tokens) * len(tokens) / max(1, sum(tokens)):.1f} x",
                f"{tokens.count(0)}",
            )
            for layer, tokens in self.loads.items()
        ]
        return aligned([head, *rows], indent="")

    def _row(self, phase: Phase, op: OpTime) -> tuple[str, ...]:
        rate = op.nbytes / op.seconds if op.seconds else 0.0
        return (
            f"{op.op} {op.weights}".rstrip(),
            f"{op.calls // phase.steps}",
            f"{op.seconds / phase.steps * 1e3:.3f}",
            f"{op.seconds / phase.seconds:.1%}",
            f"{op.nbytes / phase.steps / 1e6:.1f}",
            f"{rate / 1e9:.1f}",
            f"{rate / self.bandwidth:.0%}" if self.bandwidth else "",
        )

    def _rest(self, phase: Phase, name: str, seconds: float) -> tuple[str, ...]:
        share = f"{seconds / phase.seconds:.1%}"
        return (name, "", f"{seconds / phase.steps * 1e3:.3f}", share, "", "", "")


def make_profile(answer: Answer) -> Profile:
    """The profile of an answer during which the session's profiler was on."""
    from max.kernels.read_bandwidth import read_bandwidth

    phases = [Phase("prefill", 1, answer.first_token, answer.prefill_ops)]
    if answer.output_size > 1:
        decoding = answer.total - answer.first_token
        phases.append(Phase("decode", answer.output_size - 1, decoding, answer.decode_ops))
    return Profile(phases, read_bandwidth(), answer.cuts, answer.loads)
