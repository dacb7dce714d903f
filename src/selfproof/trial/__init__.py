"""Pairing and scoring: what a task is, and how candidates are run on its samples."""
