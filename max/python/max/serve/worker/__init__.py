"""The model worker process."""
