"""Measures this engine in one process, without a server."""
