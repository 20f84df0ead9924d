"""Answers that follow a grammar: texts of grammars, and the masks that they put on logits."""
