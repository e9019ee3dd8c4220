"""Agents scored on the same held-out episodes: entrants, their jobs, the leaderboard."""
