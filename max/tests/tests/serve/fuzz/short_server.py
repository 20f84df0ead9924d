"""A server of the short model: `python -m tests.serve.fuzz.short_server FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from max.serve.config import ServerSettings
from max.serve.server import serve_source
from tests.serve.fuzz.short_model import short_source

if __name__ == "__main__":
    sys.exit(
        serve_source(ServerSettings.from_env(host="127.0.0.1"), short_source(Path(sys.argv[1])))
    )
