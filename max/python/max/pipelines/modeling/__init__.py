"""What a request, a task and a tokenizer are, before any model is chosen.

Import from `max.pipelines.modeling.types`. Nothing here imports torch or transformers.
"""
