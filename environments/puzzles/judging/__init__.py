"""Judge processes for answers that a library evaluates."""
