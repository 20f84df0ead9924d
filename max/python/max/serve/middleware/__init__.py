"""What every request passes before its route, one file per concern."""
