"""Local weights that learn from a life's own edits: examples, training, and the gate that new weights must pass."""
