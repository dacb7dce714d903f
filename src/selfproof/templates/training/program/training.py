"""The program's side of a training run: it never sees text, only the gradients that it is sent, one step at a time."""

import numpy as np

import rule

RUN = {}


def train(message):
    """A message of the task -> the configuration; then the first weights; then those after each gradient."""
    if "begin" in message:
        return rule.config()
    if "layers" in message:
        return begin(message)
    if "gradient" in message:
        return step(message["gradient"], message["step"])
    return RUN["w"]


def begin(message):
    """Draw the first weights: one float32 vector, layer after layer."""
    rng, parts, at = np.random.default_rng(message["seed"]), [], 0
    RUN.update(steps=message["steps"], cuts=[])
    for _, fan_in, size in message["layers"]:
        parts.append(rng.standard_normal(size) * rule.init(fan_in) if fan_in else np.zeros(size))
        RUN["cuts"].append((at, at + size))
        at += size
    w = np.concatenate(parts).astype(np.float32)
    RUN.update(w=w, m=np.zeros_like(w), v=np.zeros_like(w))
    return w


def step(gradient, number):
    """Move each layer by the rule."""
    lr = rule.LR * rule.schedule(number / RUN["steps"])
    w, m, v = RUN["w"], RUN["m"], RUN["v"]
    with np.errstate(all="ignore"):
        for low, high in RUN["cuts"]:
            w[low:high], m[low:high], v[low:high] = rule.update(
                w[low:high], gradient[low:high], m[low:high], v[low:high], lr, number + 1
            )
    return w
