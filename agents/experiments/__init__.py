"""Many trainings: where they run, recipes side by side, agents side by side."""
