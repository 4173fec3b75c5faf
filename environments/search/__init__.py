"""Search: answer questions over a corpus, a generated encyclopedia or one brought from outside."""
