"""Packages that were brought up from outside the tree (docs/bring-up-diaries.md)."""
