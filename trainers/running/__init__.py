"""Operation of a training run: checkpoints, evaluation, metrics, progress, warm start, resuming."""
