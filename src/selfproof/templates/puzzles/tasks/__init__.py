"""The tasks of the puzzles: trusted, a person's, never seen by the program."""
