"""How a small language model is trained: what it is like, how its weights begin, how each step moves them."""

import numpy as np

LR = 0.0465


def config():
    """The model and the batch. activation: 0 tanh, 1 relu, 2 squared relu; bigram: 1 adds a table of pairs."""
    return {"context": 4, "embed": 29, "hidden": 46, "batch": 214, "activation": 1, "bigram": 1}


def init(fan_in):
    """The standard deviation of a layer's first weights; fan_in: its inputs, 1 for the embedding. Biases begin at 0."""
    return 0.876 / np.sqrt(fan_in)


def schedule(p):
    """The factor of the step size; p: the share of the run that is done, 0 to 1."""
    return 1.0 - 0.9 * p


def update(w, g, m, v, lr, t):
    """One layer: weights, gradient, two memories that begin at 0, step size, number of the step from 1 on."""
    m = 0.774 * m + 0.226 * g
    v = 0.99877 * v + 0.00123 * g * g
    u = m / (1.0 - 0.774**t) / (np.sqrt(v / (1.0 - 0.99877**t)) + 1e-08)
    w = w - lr * u
    return w, m, v
