"""What training is made of, by the right answers or by reward: updates, guards, checkpoints."""
