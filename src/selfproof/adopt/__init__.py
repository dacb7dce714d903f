"""Making a certified change the program: commit, effect on fresh pairs, rollback."""
