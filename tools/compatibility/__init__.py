"""Measures what other people's files, templates and clients get of us: docs/compatibility.md."""
