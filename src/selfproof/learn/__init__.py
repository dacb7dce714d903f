"""Experience: what paid off, and so what to try next."""
