"""What came out of verifying a pipeline, and the file that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from integration.test_common.hub_flakes import EXIT_FLAKE

EXIT_FAILED = 1


class Status(StrEnum):
    """How it went."""

    OK = "ok"
    INVALID = "invalid"
    ERROR = "error"
    FLAKE = "flake"
    INFRA = "infra"

    @property
    def emoji(self) -> str:
        """For the table."""
        return {
            Status.OK: "✅",
            Status.INVALID: "🟡",
            Status.ERROR: "❌",
            Status.FLAKE: "❄️",
            Status.INFRA: "🧯",
        }[self]


@dataclass(frozen=True)
class Verdict:
    """The result for one pipeline.

    Attributes:
        status: ok: the logits pass; invalid: they do not; error: a side could not be run; flake:
            the Hub could not be reached for now; infra: the machine lacks memory, disk or a device.
        kl_div: largest KL divergence; None when nothing could be compared.
        message: why, when it is not ok.
    """

    status: Status
    kl_div: float | None = None
    message: str = ""


def exit_code(verdicts: Mapping[str, Verdict]) -> int:
    """0 when all are ok, 75 when the others are flakes, else 1."""
    statuses = {verdict.status for verdict in verdicts.values()} - {Status.OK}
    if not statuses:
        return 0
    return EXIT_FLAKE if statuses == {Status.FLAKE} else EXIT_FAILED


def store_verdicts(path: Path, verdicts: Mapping[str, Verdict]) -> None:
    """Writes verdicts as JSON: name -> status, kl_div, message."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {name: asdict(verdict) for name, verdict in verdicts.items()}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_verdicts(path: Path) -> dict[str, Verdict]:
    """Reads what `store_verdicts` wrote.

    Raises:
        ValueError: if the file is missing or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: Verdict(Status(entry["status"]), entry["kl_div"], entry["message"])
            for name, entry in content.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"cannot read verdicts from {path}: {error!r}") from error
