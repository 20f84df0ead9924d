"""Texts embedded per second by one engine: prints JSON for `compare_engines`.

python3 -m tools.benchmarks.embeddings max DIR
python3 -m tools.benchmarks.embeddings sentence-transformers DIR
python3 -m tools.benchmarks.embeddings llama.cpp FILE.gguf --server .../llama-server

`python3 -m tools.benchmarks.embeddings write DIR` writes the model: BERT-base's shape, random
weights, and a vocabulary of made-up words, of which each is a token.
"""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from tools.benchmarks.suite.process import free_port

_WORDS = 30517
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Number of texts, and tokens of each, with the two that begin and end it.
_LOADS = {"long": (64, 128), "short": (256, 16)}
_REPETITIONS = 5
_THREADS = 2


def texts(count: int, tokens: int) -> list[str]:
    """Texts of so many tokens."""
    words = tokens - 2
    return [
        " ".join(f"w{(31 * text + 7 * word) % _WORDS}" for word in range(words))
        for text in range(count)
    ]


@click.command()
@click.argument("engine", type=click.Choice(["max", "sentence-transformers", "llama.cpp", "write"]))
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--encoding", default="float32", show_default=True, help="Of the weights, for max.")
@click.option("--server", default="llama-server", help="The program of llama.cpp.")
def main(engine: str, model: Path, encoding: str, server: str) -> None:
    """Measure ENGINE with MODEL, or write the model."""
    if engine == "write":
        write_model(model)
        return
    with ExitStack() as stack:
        embed = {
            "max": lambda: _of_max(model, encoding),
            "sentence-transformers": lambda: _of_sentence_transformers(model),
            "llama.cpp": lambda: _of_llama_cpp(model, server, stack),
        }[engine]()
        metrics = {}
        for name, (count, tokens) in _LOADS.items():
            load = texts(count, tokens)
            embed(load)
            metrics[f"texts_{name}"] = count / statistics.median(
                _seconds(embed, load) for _ in range(_REPETITIONS)
            )
    click.echo(json.dumps({"metrics": metrics}))


def write_model(folder: Path) -> None:
    """Writes the model with the files that sentence-transformers has beside it."""
    import torch
    import transformers
    from tokenizers import BertWordPieceTokenizer

    torch.manual_seed(0)
    words = [*_SPECIAL, *(f"w{number}" for number in range(_WORDS))]
    config = transformers.BertConfig(vocab_size=len(words))
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer = BertWordPieceTokenizer({word: index for index, word in enumerate(words)})
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    modules = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    for name, content in {
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": True},
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": 512, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": config.hidden_size,
            "pooling_mode_mean_tokens": True,
        },
        "config_sentence_transformers.json": {},
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")


Embed = Callable[[Sequence[str]], object]


def _seconds(embed: Embed, load: Sequence[str]) -> float:
    started = time.perf_counter()
    embed(load)
    return time.perf_counter() - started


def _of_max(folder: Path, encoding: str) -> Embed:
    from max.pipelines.config import PipelineConfig
    from max.pipelines.lib import PIPELINE_REGISTRY
    from max.pipelines.modeling.types import PipelineTask

    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        quantization_encoding=encoding,
        device_specs="cpu",
        num_threads=_THREADS,
    )
    _, pipeline = PIPELINE_REGISTRY.retrieve(config, PipelineTask.EMBEDDINGS_GENERATION)
    embed: Embed = pipeline.encode
    return embed


def _of_sentence_transformers(folder: Path) -> Embed:
    import torch

    # A peer, as llama.cpp: none of our requirements.
    theirs = importlib.import_module("sentence_transformers")
    torch.set_num_threads(_THREADS)
    embed: Embed = theirs.SentenceTransformer(str(folder), device="cpu").encode
    return embed


def _of_llama_cpp(file: Path, server: str, stack: ExitStack) -> Embed:
    port = free_port()
    options = ["--embedding", "-t", str(_THREADS), "-c", "65536", "-b", "8192", "-ub", "8192"]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    process = stack.enter_context(
        subprocess.Popen(
            [server, "-m", str(file), "-np", "64", *options, *address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    stack.callback(process.terminate)

    def embed(load: Sequence[str]) -> object:
        body = json.dumps({"input": list(load), "model": "any"}).encode()
        headers = {"Content-Type": "application/json"}
        url = f"http://127.0.0.1:{port}/v1/embeddings"
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return json.load(answer)

    deadline = time.monotonic() + 120
    while True:
        try:
            embed(["w1"])
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.2)
        else:
            return embed


if __name__ == "__main__":
    main()
