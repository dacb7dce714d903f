"""What ShinkaEvolve's evaluators import of it, so that they run without it. Protected."""
