"""Scores on held-out tapes, their means and intervals, tables and pictures."""
