"""Passes over the graphs that sessions compile. None names an op: they ask the ops' facts."""
