"""selfproof: a living program that rewrites its own code, and proves every step."""

__version__ = "0.1.0"
