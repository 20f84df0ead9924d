"""Makes a GGUF file of a checkpoint by llama.cpp's own converter, without a vocabulary.

python3 -m tools.benchmarks.convert_without_vocabulary LLAMA_CPP CHECKPOINT FILE

LLAMA_CPP is a folder of its sources. The converter refuses vocabularies that it does not know, such
as those of models with random weights; speed is measured without one.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main(sources: Path, checkpoint: Path, file: Path) -> None:
    """Converts; the file is bfloat16."""
    sys.path[:0] = [str(sources / "gguf-py"), str(sources)]
    gguf = importlib.import_module("gguf")
    conversion = importlib.import_module("conversion")
    content = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    converter = conversion.get_model_class(content["architectures"][0])
    if content["model_type"] == "bert":  # needs one: texts are what its server is given
        converter.get_vocab_base_pre = lambda self, tokenizer: "bert-bge"
    else:
        converter.set_vocab = _tell_size_alone
    converter(checkpoint, gguf.LlamaFileType.MOSTLY_BF16, file).write()


def _tell_size_alone(converter: Any) -> None:
    """Without a vocabulary llama.cpp has to be told its size."""
    converter._set_vocab_none()
    converter.gguf_writer.add_vocab_size(converter.hparams["vocab_size"])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
