"""What the API process does for a model."""

import asyncio
import subprocess
import sys

import pytest

from max.pipelines.config import PipelineConfig
from max.pipelines.modeling.types import TextGenerationRequestMessage
from max.serve.model_source import configured_model

_PROGRAM = """
import sys
from max.pipelines.config import PipelineConfig
from max.serve.model_source import configured_model
import max.serve.server

parts = configured_model(PipelineConfig.from_flat_kwargs(model_path="demo")).retrieve()
tokenizer = parts.make_tokenizer()
tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}])
print(tokenizer.max_length, parts.weights_bytes > 0, {"torch", "transformers"} & set(sys.modules))
"""


def test_the_api_process_imports_neither_torch_nor_transformers() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # 2048: max_position_embeddings of the demo's config.json.
    assert done.stdout == "2048 True set()\n"


@pytest.mark.parametrize("parses", [False, True])
def test_control_tokens_of_users_are_text_unless_asked_for(parses: bool) -> None:
    config = PipelineConfig.from_flat_kwargs(model_path="demo", parse_control_tokens=parses)
    tokenizer = configured_model(config).retrieve().make_tokenizer()

    def count(content: str, token: int) -> int:
        async def ask() -> int:
            text = await tokenizer.render([TextGenerationRequestMessage("user", content)])
            tokens: list[int] = (await tokenizer.encode(*text)).tolist()
            return tokens.count(token)

        return asyncio.run(ask())

    for name, token in tokenizer.special_tokens.items():
        assert count(f"a {name} b", token) - count("a b", token) == parses, name
