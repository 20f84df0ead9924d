"""A server of the scripted model: `python -m tests.serve.scripted_server FOLDER [WHERE MESSAGE]`.

WHERE is "worker" or "retrieve": there, loading fails with the message.
"""

from __future__ import annotations

import sys
from pathlib import Path

from max.serve.config import ServerSettings
from max.serve.server import serve_source
from tests.serve.scripted_model import scripted_source


def main(folder: str, where: str = "", message: str = "") -> int:
    source = scripted_source(
        Path(folder),
        failure=message if where == "worker" else None,
        retrieve_failure=message if where == "retrieve" else None,
    )
    return serve_source(ServerSettings.from_env(host="127.0.0.1"), source)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
