"""Trainings stopped and damaged, files broken, work soaked: what must not show."""
