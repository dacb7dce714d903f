"""An Inspect task: its samples with their targets, and its scorer. Trusted, a person's, never seen by the program."""
