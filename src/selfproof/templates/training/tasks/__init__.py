"""The task of the training routine: trusted, a person's, never seen by the program."""
