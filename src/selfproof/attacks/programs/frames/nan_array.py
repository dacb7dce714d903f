"""Answers with an array of NaN."""

import numpy


def solve(x):
    return numpy.array(float("nan"))
