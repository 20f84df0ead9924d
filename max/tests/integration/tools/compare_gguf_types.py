"""Every type of GGUF tensors beside llama.cpp: what it loses, and how fast it decodes.

    python -m integration.tools.compare_gguf_types --llama-cpp llama.cpp/build/bin

Losses: the demo model, made wider, is quantized by llama-quantize, and both read the same file.
Speeds: layers of the shape of a model of a billion weights, whose blocks are random.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import gguf
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_gguf import write_gguf
from integration.test_common.torch_reference import Logits
from integration.test_common.widened_demo import write_widened_demo
from max.benchmark.table import markdown
from max.demo import model_path
from max.graph.quantization import BLOCK_ENCODINGS, QuantizationEncoding
from tools.demo.evaluate import held_out_problems

_CONTEXT = 256
# What llama-quantize calls files whose tensors are all of a type (--pure).
_FILES = {"Q3_K": "Q3_K_S", "Q4_K": "Q4_K_S", "Q5_K": "Q5_K_S", "MXFP4": "MXFP4_MOE"}
_STEPS = 24
_PROBLEMS = 24
# Of a model of a billion weights, with a small vocabulary.
_SHAPE = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 3}
_HEADS = {"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64}


class Losses(NamedTuple):
    """Mean KL divergences in nats: from float32 to each, and from llama.cpp to us."""

    theirs: float
    ours: float
    between: float


class LogProbabilities(NamedTuple):
    """What llama-perplexity writes: of the second half of each chunk of tokens.

    Attributes:
        chunks: tokens, [chunks, context].
        values: [chunks, context / 2 - 1, vocab].
    """

    chunks: npt.NDArray[np.int32]
    values: Logits


def read_log_probabilities(path: Path) -> LogProbabilities:
    """Reads a file of `llama-perplexity --kl-divergence-base`.

    Its head: "_logits_", int32 context, vocab, chunks, tokens; then of each token a float32
    scale, a float32 least log probability, and uint16 multiples, as many as makes it even.
    """
    content = path.read_bytes()
    context, vocab, count = np.frombuffer(content, np.int32, 3, 8)
    chunks = np.frombuffer(content, np.int32, context * count, 20).reshape(count, context)
    rows = count * (context - 1 - context // 2)
    width = 2 * ((vocab + 1) // 2) + 4
    table = np.frombuffer(content, np.uint16, rows * width, 20 + 4 * chunks.size)
    table = table.reshape(rows, width)
    scale, least = table[:, :4].copy().view(np.float32).T[:, :, None]
    values = least + scale * table[:, 4 : 4 + vocab]
    return LogProbabilities(chunks, values.reshape(count, -1, vocab))


class LlamaCpp:
    """llama.cpp's programs.

    Args:
        binaries: folder of them.
    """

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries

    def _run(self, program: str, *arguments: object) -> str:
        command = [str(self._binaries / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{' '.join(command)}:\n{done.stderr[-2000:]}")
        return done.stdout + done.stderr

    def quantize(self, file: Path, importance: Path, kind: str, to: Path) -> Path:
        """Makes all tensors of a file of one type."""
        name = _FILES.get(kind, kind)
        extra = ["--tensor-type", f".*={kind.lower()}"] if kind == "MXFP4" else []
        head = ["--output-tensor-type", kind, "--token-embedding-type", kind]
        self._run(
            "llama-quantize", "--pure", "--imatrix", importance, *head, *extra, file, to, name, 2
        )
        return to

    def log_probabilities(self, file: Path, text: Path, cache: str = "f16") -> LogProbabilities:
        """After every token of a text's second halves, with a cache of a type."""
        to = file.with_suffix(".kld")
        self._run(
            *("llama-perplexity", "-m", file, "-f", text, "-c", _CONTEXT, "-b", _CONTEXT),
            *("-t", 2, "-fa", "on", "-ctk", cache, "-ctv", cache, "--kl-divergence-base", to),
        )
        found = read_log_probabilities(to)
        to.unlink()
        return found

    def decoding_speed(self, file: Path) -> float:
        """Tokens per second."""
        arguments = ("-m", file, "-p", 0, "-n", _STEPS, "-t", 2, "-r", 2, "-o", "json")
        found = self._run("llama-bench", *arguments)
        return float(json.loads(found[found.index("[") : found.rindex("]") + 1])[0]["avg_ts"])


def our_log_probabilities(file: Path, chunks: npt.NDArray[np.int32]) -> Logits:
    """As `LogProbabilities.values`, of the same tokens."""
    runner = StepRunner(file, None)
    rows = []
    for chunk in chunks:
        request = runner.start([int(token) for token in chunk])
        runner.finish_prompt(request, len(chunk))
        runner.end(request)
        rows.append(request.logits[len(chunk) // 2 : -1])
    return np.stack(rows)


def our_decoding_speed(file: Path) -> float:
    """Tokens per second of one request."""
    runner = StepRunner(file, None, page_size=128)
    request = runner.start([1, 2, 3])
    runner.finish_prompt(request, 3)
    runner.step([(request, 1)])
    seconds = []
    for _ in range(_STEPS):
        begin = time.perf_counter()
        runner.step([(request, 1)])
        seconds.append(time.perf_counter() - begin)
    return 1 / statistics.median(seconds)


def write_importance(file: Path, to: Path) -> Path:
    """An importance matrix in which all columns are equal, which llama-quantize asks for."""
    writer = gguf.GGUFWriter(to, "", endianess=gguf.GGUFEndian.LITTLE)
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["none"])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", 1)
    for tensor in gguf.GGUFReader(file).tensors:
        if len(tensor.shape) == 2:
            columns = int(tensor.shape[0])
            writer.add_tensor(f"{tensor.name}.in_sum2", np.ones((1, columns), np.float32))
            writer.add_tensor(f"{tensor.name}.counts", np.ones((1, 1), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return to


def write_problems(to: Path) -> Path:
    """A text whose tokens' probabilities are compared."""
    problems = held_out_problems(_PROBLEMS)
    to.write_text("\n".join(f"{p.question}\n{p.answer}" for p in problems), encoding="utf-8")
    return to


def measure_losses(peer: LlamaCpp, scratch: Path, kinds: Sequence[str]) -> Iterator[Losses]:
    """Of each type."""
    folder = write_widened_demo(scratch / "demo")
    whole = write_gguf(folder, scratch / "whole.gguf", tokenizer_pre="llama-bpe")
    importance = write_importance(whole, scratch / "importance.gguf")
    text = write_problems(scratch / "text")
    base = peer.log_probabilities(whole, text)
    chunks = base.chunks.copy()
    chunks[:, 0] = chunks[0, 0]  # every chunk is computed with the beginning of the text's token
    for kind in kinds:
        file = peer.quantize(whole, importance, kind, scratch / f"{kind}.gguf")
        theirs = peer.log_probabilities(file, text).values
        ours = our_log_probabilities(file, chunks)
        file.unlink()
        pairs = ((base.values, theirs), (base.values, ours), (theirs, ours))
        yield Losses(*(float(kl_divergence(one, other).mean()) for one, other in pairs))


def write_layers(folder: Path) -> Path:
    """A checkpoint of some layers whose numbers are random."""
    demo = model_path()
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((demo / name).read_bytes())
    config = json.loads((demo / "config.json").read_text(encoding="utf-8")) | _SHAPE | _HEADS
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    hidden, inner, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    narrow = config["num_key_value_heads"] * config["head_dim"]
    of_layer = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (narrow, hidden),
        "self_attn.v_proj": (narrow, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
        "input_layernorm": (hidden,),
        "post_attention_layernorm": (hidden,),
    }
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocab, hidden),
        "model.norm.weight": (hidden,),
    }
    for layer in range(config["num_hidden_layers"]):
        shapes |= {f"model.layers.{layer}.{n}.weight": shape for n, shape in of_layer.items()}
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: (torch.randn(shape, generator=generator) * 0.02).bfloat16()
        for name, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


class Speeds(NamedTuple):
    """Tokens per second of one request."""

    theirs: float
    ours: float


def measure_speeds(peer: LlamaCpp, scratch: Path, kinds: Sequence[str]) -> Iterator[Speeds]:
    """Of each type, one after the other."""
    folder = write_layers(scratch / "layers")
    for kind in kinds:
        encoding = QuantizationEncoding[kind].value
        file = scratch / f"{kind}.gguf"
        write_gguf(folder, file, encoding, recipe=lambda _, given: given, tokenizer_pre="llama-bpe")
        theirs = peer.decoding_speed(file)
        yield Speeds(theirs, our_decoding_speed(file))
        file.unlink()


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--llama-cpp", "binaries", type=click.Path(path_type=Path), required=True)
@click.option("--losses/--no-losses", "with_losses", default=True)
@click.option("--speeds/--no-speeds", "with_speeds", default=True)
@click.option("--type", "kinds", multiple=True, help="Types, as ggml has them; all unless given.")
def main(binaries: Path, with_losses: bool, with_speeds: bool, kinds: tuple[str, ...]) -> None:
    """Measures, and prints a table."""
    peer = LlamaCpp(binaries)
    chosen = kinds or tuple(encoding.name for encoding in BLOCK_ENCODINGS)
    rows = {kind: [kind] for kind in chosen}
    head = ["type"]
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if with_losses:
            head += ["KL of llama.cpp", "KL of MAX", "KL between them"]
            for kind, losses in zip(chosen, measure_losses(peer, scratch, chosen), strict=True):
                rows[kind] += [f"{value:.2g}" for value in losses]
        if with_speeds:
            head += ["llama.cpp, tokens/s", "MAX, tokens/s", "ratio"]
            for kind, speeds in zip(chosen, measure_speeds(peer, scratch, chosen), strict=True):
                ratio = speeds.ours / speeds.theirs
                rows[kind] += [f"{speeds.theirs:.1f}", f"{speeds.ours:.1f}", f"{ratio:.2f}"]
    click.echo(markdown(head, list(rows.values())))


if __name__ == "__main__":
    main()
