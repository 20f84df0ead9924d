"""What one abusive client does: each case is cheap for it."""

from __future__ import annotations

from collections.abc import Mapping

from tools.benchmarks.abuse.abuser import Abuser, Case
from tools.benchmarks.abuse.connections import CONNECTIONS
from tools.benchmarks.abuse.grammars import GRAMMARS
from tools.benchmarks.abuse.large_bodies import LARGE_BODIES
from tools.benchmarks.abuse.much_work import MUCH_WORK

CASES: Mapping[str, Case] = {
    "nobody else": lambda abuser: None,
    **LARGE_BODIES,
    **MUCH_WORK,
    **GRAMMARS,
    **CONNECTIONS,
}


def statuses_of(name: str, url: str) -> list[int]:
    """Runs a case; the statuses of its answers."""
    abuser = Abuser(url)
    CASES[name](abuser)
    return abuser.statuses
