"""Servers with LoRA adapters: files to serve, their speed, and what loading one does to streams."""
