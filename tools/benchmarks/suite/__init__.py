"""Compares servers: the same scenarios on each of them, in rounds that take turns."""
