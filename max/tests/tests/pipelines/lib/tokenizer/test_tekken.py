"""A folder whose tokenizer is Mistral's tekken.json alone is read."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from max.pipelines.lib.tokenizer.loading import load_delegate

_PATTERN = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"
# In the order of their ranks, which stand behind those of the 256 bytes.
_MERGED = [b"he", b"ll", b"llo", b"hello", b" w", b"or", b" wor", b"ld", b" world"]
_SPECIAL = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]


def test_ids_are_ranks_behind_special_tokens(tmp_path: Path) -> None:
    pieces = [*(bytes([value]) for value in range(256)), *_MERGED]
    tekken: dict[str, Any] = {
        "config": {
            "pattern": _PATTERN,
            "num_vocab_tokens": len(pieces),
            "default_vocab_size": len(pieces) + len(_SPECIAL),
            "default_num_special_tokens": len(_SPECIAL),
            "version": "v7",
        },
        "vocab": [
            {"rank": rank, "token_bytes": b64encode(piece).decode(), "token_str": None}
            for rank, piece in enumerate(pieces)
        ],
        "special_tokens": [
            {"rank": rank, "token_str": text, "is_control": True}
            for rank, text in enumerate(_SPECIAL)
        ],
    }
    (tmp_path / "tekken.json").write_text(json.dumps(tekken), encoding="utf-8")
    config = {"architectures": ["Ministral3ForCausalLM"], "model_type": "ministral3"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")

    tokenizer = load_delegate(tmp_path, trust_remote_code=False)
    text = "[INST]hello world 12"
    ids = tokenizer.encode(text, add_special_tokens=False)

    hello, world = pieces.index(b"hello") + 5, pieces.index(b" world") + 5
    assert ids == [3, hello, world, ord(" ") + 5, ord("1") + 5, ord("2") + 5]
    assert tokenizer.decode(ids) == text
