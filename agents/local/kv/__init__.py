"""Keys and values: slots of sessions, blocks of columns that follow their lengths, the tensors."""
