"""llama.cpp's test vocabularies: GGUF files with texts and the tokens that are expected of them."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import NamedTuple

from max.graph.weights.headers.gguf import read_gguf_header
from max.pipelines.checkpoint.gguf.tokenizer import write_tokenizer
from max.pipelines.modeling.errors import ModelSourceError

_SEPARATOR = "\n__ggml_vocab_test__\n"


class Vocabulary(NamedTuple):
    """How a vocabulary's texts were cut.

    Attributes:
        name: of the file.
        right: texts with the tokens that are expected.
        texts: all of them.
        refusal: why there are no tokens at all; empty for none.
    """

    name: str
    right: int
    texts: int
    refusal: str = ""


def measure(source: Path, folder: Path) -> list[Vocabulary]:
    """Cuts the texts of every vocabulary that has some.

    Args:
        source: archive of llama.cpp's, as part of llama-cpp-python's.
        folder: for what is unpacked.
    """
    with tarfile.open(source) as archive:
        members = [m for m in archive if "/models/ggml-vocab-" in m.name]
        for member in members:
            member.name = Path(member.name).name
        archive.extractall(folder, members, filter="data")
    return [_cut(texts.with_suffix("")) for texts in sorted(folder.glob("*.gguf.inp"))]


def _cut(vocabulary: Path) -> Vocabulary:
    from tokenizers import Tokenizer

    name = vocabulary.stem.removeprefix("ggml-vocab-")
    texts = vocabulary.with_suffix(".gguf.inp").read_text(encoding="utf-8").split(_SEPARATOR)
    lines = vocabulary.with_suffix(".gguf.out").read_text(encoding="utf-8").splitlines()
    made = vocabulary.parent / name
    made.mkdir()
    try:
        write_tokenizer(read_gguf_header(vocabulary), made, vocabulary)
    except ModelSourceError as error:
        return Vocabulary(name, 0, len(lines), str(error).replace(str(vocabulary), "the file"))
    tokenizer = Tokenizer.from_file(str(made / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    right = sum(
        tokenizer.encode(text, add_special_tokens=False).ids == [int(i) for i in line.split()]
        for text, line in zip(texts, lines, strict=False)
    )
    return Vocabulary(name, right, len(lines))
