"""From a user's project to a living program: what each form of ``selfproof init`` writes, and where it came from."""
