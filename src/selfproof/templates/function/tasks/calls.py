"""Calls of your function: each is the list of its arguments."""

CALLS: list[list[object]] = []
LONGER: list[list[object]] = []
