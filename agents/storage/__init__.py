"""What is kept on disk: a run's folder, metrics, checkpoints, network; safe reading and writing."""
