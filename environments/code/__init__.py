"""Code environments: write programs and reason about programs, judged in sandboxes."""
