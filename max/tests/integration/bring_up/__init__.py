"""Packages that were brought up by the documentation alone (docs/bring-up-diaries.md)."""
