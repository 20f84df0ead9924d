from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from integration.test_common.logit_files import read_logits, write_logits
from integration.test_common.make_logits import make_results


def test_results_come_back(tmp_path: Path) -> None:
    path, results = tmp_path / "new" / "a.json", make_results()
    write_logits(path, results, with_logprobs=False)
    back = read_logits(path)
    assert [r.prompt for r in back] == ["one", "two"]
    for mine, theirs in zip(back, results, strict=True):
        assert mine.tokens == theirs.tokens
        for a, b in zip(mine.values, theirs.values, strict=True):
            np.testing.assert_array_equal(a.logits, b.logits)


def test_documented_keys(tmp_path: Path) -> None:
    path, results = tmp_path / "a.json", make_results(["p"], steps=1)
    write_logits(path, results, with_logprobs=True)
    (entry,) = json.loads(path.read_text())
    assert set(entry) == {"prompt", "values"}
    (value,) = entry["values"]
    assert set(value) == {
        "next_token",
        "next_token_logits",
        "logits",
        "next_token_logprobs",
        "logprobs",
    }
    logits = results[0].values[0].logits
    assert value["next_token"] == logits.argmax()
    assert value["next_token_logits"] == logits.max()
    # log softmax, by its definition
    expected = np.log(np.exp(logits.max()) / np.exp(logits).sum())
    assert value["next_token_logprobs"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot read logits"),
        ("[]", "should hold a list of prompts"),
        ('{"prompt": "a"}', "should hold a list of prompts"),
        ('[{"prompt": "a"}]', "prompt 0: expected 'prompt' and 'values'"),
        ('[{"prompt": "a", "values": [{"next_token": 1}]}]', "prompt 0: expected"),
        ('[{"prompt": "a", "values": []}]', "logits of one dimension"),
        ('[{"prompt": "a", "values": [{"next_token": 1, "logits": [1]}]}]', "of one dimension"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_logits(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read logits from .*none\.json"):
        read_logits(tmp_path / "none.json")
