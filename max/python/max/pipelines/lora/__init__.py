"""Adapters of low rank: PEFT's files, what they are to a model, and the slots that they take."""
