from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_gguf import write_gguf
from integration.test_common.tiny_models import TINY_MODELS
from integration.tools.compare_gguf_types import read_log_probabilities, write_importance


def test_log_probabilities_of_llama_perplexity(tmp_path: Path) -> None:
    chunks = np.arange(12, dtype=np.int32).reshape(2, 6)
    head = b"_logits_" + np.array([6, 3, 2], np.int32).tobytes() + chunks.tobytes()
    # Of two of six tokens of each chunk: scale, least value, three multiples and one for evenness.
    numbers = np.array([0.5, -4.0], np.float32).tobytes()
    rows = [numbers + np.array([i, 8, 2, 0], np.uint16).tobytes() for i in range(4)]
    path = tmp_path / "x.kld"
    path.write_bytes(head + b"".join(rows))
    found = read_log_probabilities(path)
    assert found.chunks.tolist() == chunks.tolist()
    assert found.values.tolist() == [
        [[-4, 0, -3], [-3.5, 0, -3]],
        [[-3, 0, -3], [-2.5, 0, -3]],
    ]


def test_all_columns_are_equally_important(tmp_path: Path) -> None:
    folder = make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path / "model")
    file = write_gguf(folder, tmp_path / "m.gguf", tokenizer_pre=None)
    made = {t.name: t for t in gguf.GGUFReader(write_importance(file, tmp_path / "i")).tensors}
    sums = made["blk.0.ffn_down.weight.in_sum2"].data
    assert (sums == 1).all()
    assert made["blk.0.ffn_down.weight.counts"].data.tolist() == [[1]]
