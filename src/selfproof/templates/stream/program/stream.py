"""The apprentice reads: it guesses each next character, is told what came, and may learn from it before the next.

``merge`` turns counts into guesses, from short contexts to long ones, first those of the text that was learned long
ago, then those of the passage as far as it was read. ``mix`` joins the guesses that came out. The rest keeps count.
"""

import numpy as np

PLACES = (1, 2, 3, 4, 5, 6, 8, 12)
LONGEST = 12
SYMBOLS = 97
_read = {}


def merge(c, t, d, s, q, n, r):
    """One step: counts of order n and the guess of the order below become the guess of order n (any positive scale).

    c: counts (passages, symbols), of the text learned long ago as Kneser & Ney count; t: their sum; d: how many differ
    from 0; s: how many are 1 (all (passages, 1)); q: the guess below; n: the order; r: 1 if the counts are the
    passage's own, else 0.
    """
    return (c + 1.0 * d * q) / (t + 1.0 * d)


def mix(p, q, m, g):
    """The guess. p: of the learned text alone; q: of both, the passage's orders upon the learned; m: of the passage
    alone (all (passages, symbols)); g: how many characters of the passage's past end as the passage does now.
    """
    return q


def predict(message):
    """What is open, or what came since (see the task) -> a distribution over the next symbol for each passage."""
    if "past" in message:
        begin(message["past"])
    else:
        learn(message["truth"])
    counts, passages = message["counts"], len(message["counts"])
    even = np.full((2 * passages, SYMBOLS), 1.0 / SYMBOLS, dtype=np.float32)
    with np.errstate(all="ignore"):
        p = chain(counts.transpose(1, 0, 2), range(counts.shape[1]), even[:passages], 0.0)
        both = chain(np.tile(passage_counts(), (1, 2, 1)), PLACES, np.concatenate([p, even[:passages]]), 1.0)
        q, m = both[:passages], both[passages:]
        longest = _read["agree"].max(axis=1)[:, None].astype(np.float32)
        return shares(mix(p, q, m, longest), q)


def chain(counts, orders, q, r):
    """``merge`` from order to order. counts: (orders, passages, symbols); q: the guess below the first."""
    counts = np.ascontiguousarray(counts)
    totals, kinds, single = counts @ ONES, (counts > 0) @ ONES, (counts == 1) @ ONES
    for c, t, d, s, n in zip(counts, totals, kinds, single, orders):
        q = shares(merge(c, t, d, s, q, np.float32(n), np.float32(r)), q)
    return q


def shares(p, q):
    """p as distributions; where there is nothing, q."""
    p = np.fmin(np.fmax(p, 0.0), 1e30)
    total = p @ ONES
    return np.where(total > 0, p / total, q).astype(np.float32, copy=False)


ONES = np.ones((SYMBOLS, 1), dtype=np.float32)


def begin(past):
    """Read what stands before the passages; for each of its places, how far the text before it ends as the text now."""
    text = np.minimum(past, SYMBOLS)  # where there is no text: a symbol of its own, which is left out
    agree, same = np.zeros(past.shape, dtype=np.uint8), np.ones(past.shape, dtype=bool)
    for back in range(1, LONGEST + 1):
        same[:, :back] = False
        same[:, back:] &= text[:, :-back] == text[:, -back][:, None]
        agree += same
    _read.update(text=text, agree=agree)


def learn(truth):
    """One character more of every passage."""
    truth = truth[:, None]
    text = np.concatenate([_read["text"], truth], axis=1)
    agree = np.zeros(text.shape, dtype=np.uint8)
    agree[:, 1:] = (text[:, :-1] == truth) * np.minimum(_read["agree"] + 1, LONGEST)
    _read.update(text=text, agree=agree)


def passage_counts():
    """Counts (PLACES, passages, symbols) of what followed the passage's last n characters before, within it."""
    text, agree = _read["text"], _read["agree"]
    where = np.flatnonzero(agree)
    keys, lengths = where // agree.shape[1] * SYMBOLS + text.ravel()[where], agree.ravel()[where]
    found = [np.bincount(keys[lengths >= n], minlength=len(text) * SYMBOLS) for n in PLACES]
    return np.stack(found, dtype=np.float32, casting="unsafe").reshape(len(PLACES), len(text), SYMBOLS)
