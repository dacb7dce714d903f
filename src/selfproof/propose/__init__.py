"""Who suggests edits: so far the program's own improver, in the jail."""
