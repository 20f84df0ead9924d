"""The parts of the `max` command."""
