"""Where the program is weak: so far the profile of its own run."""
