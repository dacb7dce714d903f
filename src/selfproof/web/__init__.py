"""The dashboard: a process of its own that reads lives, and passes on what a person decides. It changes no program."""
