"""What is asked: conversations of random words, behind shared prefixes, or from a file."""
