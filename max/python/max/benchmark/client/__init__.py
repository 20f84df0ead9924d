"""A light HTTP client for streamed answers: what it costs is taken from the server's cores."""
