"""Tasks of the drills' program."""
