"""SentencePiece's tokenizers: its files, and the same as a `tokenizers.Tokenizer`."""
