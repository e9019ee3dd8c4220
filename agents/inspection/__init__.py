"""What a memory does, step by step, and what if it is disturbed."""
