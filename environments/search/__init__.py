"""Search environments: answer questions over a generated encyclopedia or a corpus from a file."""
