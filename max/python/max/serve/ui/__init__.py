"""The page to talk to the model: its files, and what it asks besides the API."""
