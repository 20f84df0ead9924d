"""How models write tool calls: one module per kind of format."""
