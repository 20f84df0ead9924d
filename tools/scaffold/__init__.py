"""The parts of //tools:new_architecture."""
