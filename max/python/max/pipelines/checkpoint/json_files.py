"""JSON files that come with a checkpoint, read within bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from max.pipelines.modeling.errors import ModelSourceError

# The index of a model with 100,000 tensors has 10 MB; what is read takes many times as much memory.
MOST_BYTES = 32 << 20


def read_json_value(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        FileNotFoundError: if there is none.
        ModelSourceError: if it cannot be read, or is larger than any such file has to be.
    """
    try:
        if path.exists() and not path.is_file():
            raise ModelSourceError(f"{path} is no file")  # reading a pipe would not end
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ModelSourceError(f"{path} has more than {MOST_BYTES >> 20} MiB: is it the file?")
        return json.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise ModelSourceError(f"{path} is not valid JSON: {error}") from error
