"""One training loop for every network: configuration, state, checkpoints."""
