"""How fast things are, and where the time goes."""
