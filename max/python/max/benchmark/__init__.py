"""Measures a server with an OpenAI-compatible API under load: `max benchmark`."""
