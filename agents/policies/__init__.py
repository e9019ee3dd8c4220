"""Agents: the protocol, random and oracle, a trained cell, a user's own, Stable-Baselines3's."""
