"""Letting go of what nothing certified rests on, once it is old enough."""
