"""Where packages find what several pipelines share."""
