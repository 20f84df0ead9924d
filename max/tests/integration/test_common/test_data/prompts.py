"""Prompts of several kinds and lengths, and one that fills more than a page of the cache."""

DEFAULT_PROMPTS: tuple[str, ...] = (
    "What is the meaning of life?",
    "1, 1, 2, 3, 5, 8, 13,",
    "Anna has 3 apples and buys 4 more. How many apples does she have now?",
    "def fibonacci(n: int) -> int:\n    ",
    "Ein Satz auf Deutsch, 一句中文, и одно по-русски 🙂:",
    "Once upon a time there was a clock that was late by one minute every day. "
    "Its owner, a patient man, set it right each morning, and wrote the time into a small book. "
    "After a year the book was full, and the man had lost six hours in all.",
)
