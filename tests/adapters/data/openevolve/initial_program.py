"""Guess where a wave is lowest. The part between the markers may change."""

import math

# EVOLVE-BLOCK-START
STEP = 0.9
FIRST = 4.0


def lowest(wave):
    """Walk downhill from one place."""
    place = FIRST
    for _ in range(12):
        if wave(place + STEP) < wave(place):
            place = place + STEP
        elif wave(place - STEP) < wave(place):
            place = place - STEP
    return place


# EVOLVE-BLOCK-END


def run():
    """What the evaluator calls."""
    return lowest(lambda x: math.sin(x) + 0.05 * x * x)
