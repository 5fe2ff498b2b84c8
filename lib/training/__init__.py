"""One loop for every study: steps, checkpoints, logs, and a cache of finished runs."""
