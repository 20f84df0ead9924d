"""The command line, and generation from Python without a server."""
