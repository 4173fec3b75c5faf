"""Code: programs that a model writes, and programs that it reasons about, judged in boxes."""
