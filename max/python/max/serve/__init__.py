"""OpenAI-compatible serving: an API process and a model worker process.

`server.serve` is the entry; `docs/design/request-flow.md` follows a request through this package.
"""
