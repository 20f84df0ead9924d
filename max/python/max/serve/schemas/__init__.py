"""Bodies of requests (pydantic) and responses (msgspec)."""
