"""Recipes compared over tasks, variants and seeds: a plan, its runs, tables and pictures."""
