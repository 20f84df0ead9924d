"""Trains the demo model from nothing, on text that this package generates.

    python3 -m tools.demo.train --output DIR

Takes minutes on two idle CPU cores. Where other work runs beside it, `--threads 1` is
faster, because two threads wait for each other at every operation. The same options,
kind of processor and version of torch give the same weights.
"""

import argparse
import math
import random
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn import functional
from tqdm import tqdm
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tools.demo.corpus import Batch, Packer, sample_texts
from tools.demo.tokenizer import (
    CHAT_TEMPLATE,
    END_OF_TEXT,
    END_OF_TURN,
    MAX_LENGTH,
    save_tokenizer,
    train_tokenizer,
)

DEFAULT_SEED = 1
DEFAULT_STEPS = 2400
DEFAULT_THREADS = 2

TOKENIZER_SAMPLES = 20_000
TOKENS_PER_STEP = 4096
WARM_UP_STEPS = 100
PEAK_LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.1
GRADIENT_LIMIT = 1.0
# How often rows of each length are drawn: short ones teach the arithmetic quickly, long
# ones teach every position up to `MAX_LENGTH`.
ROW_LENGTHS = {256: 0.66, 512: 0.20, 1024: 0.08, MAX_LENGTH: 0.06}


class TrainingOptions(NamedTuple):
    """What a training run depends on besides the code."""

    seed: int = DEFAULT_SEED
    steps: int = DEFAULT_STEPS
    threads: int = DEFAULT_THREADS
    peak_learning_rate: float = PEAK_LEARNING_RATE


def make_config(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """Makes the architecture: 1.6 million parameters, three query heads per KV head."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=448,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=True,
        rms_norm_eps=1e-5,
        initializer_range=0.05,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=_end_ids(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )


def train(
    tokenizer: PreTrainedTokenizerFast, options: TrainingOptions, initial: Path | None = None
) -> LlamaForCausalLM:
    """Trains a model of `make_config`'s shape, showing progress.

    Args:
        tokenizer: The tokenizer that its vocabulary comes from.
        options: Seed, number of optimizer steps and of CPU threads.
        initial: Folder of a model to go on from; None starts from random weights.

    Returns:
        The trained model, in float32.
    """
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    torch.use_deterministic_algorithms(True)
    model = (
        LlamaForCausalLM.from_pretrained(initial, dtype=torch.float32)
        if initial
        else LlamaForCausalLM(make_config(tokenizer))
    )
    model.train()
    optimizer = _make_optimizer(model)
    packer = Packer(tokenizer, options.seed)
    lengths = random.Random(f"row lengths {options.seed}")
    progress = tqdm(range(options.steps), desc="Training the demo model", unit="step")
    for step in progress:
        length = lengths.choices(list(ROW_LENGTHS), weights=list(ROW_LENGTHS.values()))[0]
        batch = packer.batch(rows=TOKENS_PER_STEP // length, length=length)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options)
        loss = weighted_loss(model, batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_LIMIT)
        optimizer.step()
        progress.set_postfix(loss=f"{loss.item():.4f}", refresh=False)
    model.train(mode=False)
    return model


def learning_rate(step: int, options: TrainingOptions) -> float:
    """Rises linearly to the peak, then falls to zero along half a cosine."""
    if step < WARM_UP_STEPS:
        return options.peak_learning_rate * (step + 1) / WARM_UP_STEPS
    done = (step - WARM_UP_STEPS) / max(1, options.steps - WARM_UP_STEPS)
    return options.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def weighted_loss(model: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    """Computes the mean cross entropy of the next tokens, by their weights (a scalar)."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(batch.tokens, use_cache=False).logits
    losses = functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), batch.tokens[:, 1:].flatten(), reduction="none"
    )
    weights = batch.weights[:, 1:].flatten()
    return (losses * weights).sum() / weights.sum()


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, output: Path) -> None:
    """Writes model (bfloat16), tokenizer and generation settings to a folder."""
    model.generation_config = GenerationConfig.from_dict(
        {
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": _end_ids(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            "do_sample": False,
        }
    )
    model.bfloat16()
    model.save_pretrained(output)
    save_tokenizer(tokenizer, output)


def _make_optimizer(model: LlamaForCausalLM) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.dim() > 1]
    norms = [p for p in model.parameters() if p.dim() == 1]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": WEIGHT_DECAY},
            {"params": norms, "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
        fused=True,
    )


def _end_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Lists the tokens that end generation: of a chat's turn and of a completion."""
    return [tokenizer.get_vocab()[token] for token in (END_OF_TURN, END_OF_TEXT)]


def main() -> None:
    """Trains a model and saves it, as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.demo.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS, help="default: %(default)s")
    parser.add_argument("--initial", type=Path, help="folder of a model to go on from")
    parser.add_argument(
        "--peak-learning-rate", type=float, default=PEAK_LEARNING_RATE, help="default: %(default)s"
    )
    given = parser.parse_args()
    options = TrainingOptions(given.seed, given.steps, given.threads, given.peak_learning_rate)
    started = time.monotonic()
    if given.initial:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(given.initial)
        tokenizer.chat_template = CHAT_TEMPLATE  # which may have been another one then
    else:
        tokenizer = train_tokenizer(sample_texts(given.seed, TOKENIZER_SAMPLES))
    model = train(tokenizer, options, given.initial)
    save(model, tokenizer, given.output)
    print(f"Saved to {given.output} after {(time.monotonic() - started) / 60:.1f} minutes.")


if __name__ == "__main__":
    main()
