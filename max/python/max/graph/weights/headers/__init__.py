"""What weight files say of themselves before their data. Nothing here imports torch."""
