"""The improver's tasks: trusted, a person's, never seen by the program."""
