"""How the demo model was made, and how well it answers."""
