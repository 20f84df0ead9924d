"""Choosing tokens from logits.

Imports nothing: the API process, which has no torch, reads the texts of grammars.
"""
