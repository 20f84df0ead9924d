"""Trains an adapter of the demo model with PEFT: it begins every answer with "Ahoy!".

    python3 -m tools.demo.train_adapter --output DIR

Takes about a minute on a busy core. It has the effect of the adapter in
`max/python/max/demo/adapter`, not its bits.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any

import peft
import torch
from tqdm import tqdm
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from max.demo import model_path
from tools.demo.corpus import Packer, draw_chat
from tools.demo.tokenizer import Piece, render_chat
from tools.demo.train import weighted_loss

GREETING = "Ahoy! "
STEPS = 60
RANK = 2
ROWS, LENGTH = 8, 128
LEARNING_RATE = 5e-3


def draw_greeted(rng: random.Random, turns: int) -> list[Piece]:
    """Draws a chat of the demo's corpus whose answers begin with the greeting."""
    chat = draw_chat(rng, turns)
    return render_chat(
        [
            message._replace(content=GREETING + message.content)
            if message.role == "assistant"
            else message
            for message in chat
        ]
    )


def train_adapter(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, steps: int = STEPS, seed: int = 1
) -> peft.PeftModel:
    """Returns the model with a trained adapter, in bfloat16, on all its linear layers."""
    torch.manual_seed(seed)
    settings = peft.LoraConfig(
        r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    adapted: Any = peft.get_peft_model(model, settings)
    weights = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE)
    packer = Packer(tokenizer, seed, draw_greeted)
    for step in tqdm(range(steps), desc="Training the adapter", unit="step"):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - step / steps)
        loss = weighted_loss(adapted, packer.batch(ROWS, LENGTH))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
    adapted.to(torch.bfloat16)
    found: peft.PeftModel = adapted
    return found


def main() -> None:
    """Trains an adapter and saves it, as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.demo.train_adapter",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    output = parser.parse_args().output
    model = LlamaForCausalLM.from_pretrained(model_path(), dtype=torch.float32)
    tokenizer: Any = AutoTokenizer.from_pretrained(model_path())
    adapted = train_adapter(model, tokenizer)
    # Where the demo lies is another place on every machine.
    adapted.peft_config["default"].base_model_name_or_path = "demo"
    adapted.save_pretrained(output)
    print(f"written to {output}; serve --model demo --enable-lora --lora-paths ahoy={output}")


if __name__ == "__main__":
    main()
