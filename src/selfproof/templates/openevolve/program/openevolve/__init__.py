"""What OpenEvolve's evaluators import of OpenEvolve, so that they run without it. Protected."""
