"""Agents, their training and their comparison; run from a checkout."""
