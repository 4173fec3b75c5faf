"""Reading and comparing of mathematical answers: text to structure, structure to a verdict."""
