"""The gate: race, confirm, spend. Pure functions of values; see ``gate`` for what is claimed."""
