"""How a small language model is trained: what it is like, how its weights begin, how each step moves them."""

import numpy as np

LR = 0.1


def config():
    """The model and the batch. activation: 0 tanh, 1 relu, 2 squared relu; bigram: 1 adds a table of pairs."""
    return {"context": 8, "embed": 12, "hidden": 64, "batch": 64, "activation": 0, "bigram": 0}


def init(fan_in):
    """The standard deviation of a layer's first weights; fan_in: its inputs, 1 for the embedding. Biases begin at 0."""
    return 0.1


def schedule(p):
    """The factor of the step size; p: the share of the run that is done, 0 to 1."""
    return 1.0


def update(w, g, m, v, lr, t):
    """One layer: weights, gradient, two memories that begin at 0, step size, number of the step from 1 on."""
    u = g
    w = w - lr * u
    return w, m, v
