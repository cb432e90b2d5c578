"""The parts of the parser: text that arrives in pieces, and what is read in it."""
