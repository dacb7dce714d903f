"""Fit a line. This is the file that may change."""

import os

from prepare import evaluate, rows

RATE = 0.02
STEPS = 60
SEED = int(os.environ.get("SEED", "1"))

slope, shift = 0.0, 0.0
for step in range(STEPS):
    for x, y in rows(SEED, 20):
        error = slope * x + shift - y
        slope -= RATE * error * x / 20
        shift -= RATE * error / 20

print("---")
print(f"val_bpb:          {evaluate(lambda x: slope * x + shift):.6f}")
print(f"num_steps:        {STEPS}")
