"""A model's tokenizer as grammars need it: which bytes each token stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from max.pipelines.lib.tokenizer.loading import load_delegate
from max.pipelines.lib.tokenizer.model_facts import read_model_facts

if TYPE_CHECKING:
    from llguidance import LLTokenizer

    from max.pipelines.config import PipelineConfig


def load_grammar_tokenizer(config: PipelineConfig) -> LLTokenizer:
    """The tokenizer of a model's folder; takes half a second for 128 thousand tokens.

    Raises:
        ModelSourceError: If there is none that can be read.
        ValueError: If it has another form than those of the `tokenizers` library.
    """
    from llguidance import LLTokenizer

    folder = config.model.resolved_model_path
    delegate = load_delegate(folder, trust_remote_code=config.model.trust_remote_code)
    backend = getattr(delegate, "backend_tokenizer", None)
    if backend is None:
        raise ValueError(
            f"the tokenizer {type(delegate).__name__} has no form that grammars can be compiled "
            "for; one with a tokenizer.json does"
        )
    facts = read_model_facts(folder, delegate)
    ends = sorted(facts.eos_token_ids) or None
    return LLTokenizer(
        backend.to_str(), n_vocab=max(facts.vocab_size, len(delegate)), eos_token=ends
    )
