"""The store of every candidate, and the state of a program's life as a fold over its ledger."""
