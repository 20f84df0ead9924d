"""One client that asks a lot of a server, and an honest one beside it."""
