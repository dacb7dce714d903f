"""Leaves decimal arithmetic with three digits."""

import decimal


def solve(x):
    decimal.getcontext().prec = 3
