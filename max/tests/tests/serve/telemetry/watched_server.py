"""The command line, noting in the file CONNECTION_LOG where it connects.

The worker process imports its parent's main module, this one, so it is watched too. What Python
code opens is seen, whichever library it belongs to; connections that native code opens are not.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_WATCHED = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")
_LOG = Path(os.environ["CONNECTION_LOG"])


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event in _WATCHED:
        address = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        with _LOG.open("a", encoding="utf-8") as log:
            log.write(f"{event} {address}\n")


sys.addaudithook(_note)
_LOG.touch()

if __name__ == "__main__":
    from max.entrypoints.pipelines import main

    main(prog_name="max")
