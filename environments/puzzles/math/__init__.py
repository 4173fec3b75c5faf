"""Mathematics: problems with a gold answer, and the judge of answers."""
