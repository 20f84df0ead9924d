"""GGUF files: which are meant, and what they say of the model and of its tokenizer."""
