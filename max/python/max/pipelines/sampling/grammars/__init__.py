"""Answers that follow a grammar: texts of grammars, and the masks that they put on logits."""

from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.follower import Follower
from max.pipelines.sampling.grammars.masks import mask_logits

__all__ = ["Follower", "Grammars", "mask_logits"]
