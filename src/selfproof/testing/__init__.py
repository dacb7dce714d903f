"""Contracts for what others may put in the place of a part of selfproof, as checks that their own tests can call."""
