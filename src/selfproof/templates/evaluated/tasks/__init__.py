"""The imported task: trusted code, a person's."""
