"""Where tasks run, and how they are grouped."""
