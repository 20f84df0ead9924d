"""Errors that a user of a model's files and configuration can mend."""

from __future__ import annotations


class ConfigurationError(ValueError):
    """A configuration value is unknown, out of range or contradicts another one."""


class ModelSourceError(ValueError):
    """The model's files cannot be found, downloaded or read."""
