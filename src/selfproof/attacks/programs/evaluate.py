"""What most tools do: the answers, the scorer and the clock are in the process of the program that they judge."""

import pickle
import time

import answers
import attack
import numpy

ANSWER = answers.ANSWER


def score(output, answer):
    return 1.0 / (1.0 + numpy.abs(output - answer))


def evaluate(x):
    started = time.perf_counter()
    output = attack.solve(x)
    seconds = time.perf_counter() - started
    try:
        points = score(output, ANSWER)
    except (TypeError, ValueError, OverflowError):
        points = 0.0
    return pickle.dumps({"score": points, "seconds": seconds, "output": output})
