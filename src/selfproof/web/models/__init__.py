"""What the pages with pictures show, as plain data: read from a ledger and its fold, nothing else."""
