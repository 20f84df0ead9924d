"""The demo model: a tiny Llama that solves word problems and chats a little, and an adapter of it.

Imports nothing heavy, so that the command line can ask where the model is.
"""

from pathlib import Path

__all__ = ["adapter_path", "model_path"]


def model_path() -> Path:
    """Returns the folder of the trained model, in Hugging Face's format."""
    return _folder("model/config.json")


def adapter_path() -> Path:
    """Returns the folder of a LoRA adapter, in PEFT's format: with it the model says Ahoy."""
    return _folder("adapter/adapter_config.json")


def _folder(file: str) -> Path:
    """Where a file of ours really stands: a build may lay out links to the files."""
    return (Path(__file__).parent / file).resolve().parent
