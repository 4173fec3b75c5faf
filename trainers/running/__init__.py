"""Running a training: checkpoints, evaluation, metrics, progress, warm start, resuming."""
