"""What the apprentice remembers of past attempts, and how it uses it. Plain code; its running time is an objective.

A history row is a dict with "title", "operator", "outcome" and "score"; the newest row is the last.
"""


def words(title):
    """The words of a title, without its punctuation."""
    kept = []
    for word in title.replace("(", " ").replace(")", " ").replace(",", " ").split():
        if word not in ["->", ";", "+", "-", "*", "/", "=", "**"]:
            kept.append(word)
    return tuple(kept)


def vocabulary(history):
    """Every word that a past attempt used, once, in the order of its first use."""
    known = []
    for row in history:
        for word in words(row["title"]):
            if word not in known:
                known.append(word)
    return known


def surprise(title, history):
    """Share of a title's words that no past attempt used."""
    new = 0
    for word in words(title):
        if word not in vocabulary(history):
            new += 1
    return new / (len(words(title)) + 1)


def total_weight(history):
    """Sum of the weights of all rows: the newest row weighs as much as there are rows, the oldest one."""
    total = 0
    for place in range(len(history)):
        total += place + 1
    return total


def familiarity(title, history):
    """How much a title is like the past attempts that led nowhere, recent ones counting more."""
    total = 0.0
    for age, row in enumerate(reversed(history)):
        theirs = words(row["title"])
        common = [word for word in words(title) if word in theirs]
        failed = row["outcome"] in ["slow", "worse", "invalid", "broken"]
        if failed and common:
            weight = (len(history) - age) / total_weight(history)
            total += weight * len(common) / (len(theirs) + len(words(title)))
    return total


def freshest(titles, history, wanted):
    """Indexes of the ``wanted`` titles that are most surprising and least familiar, in their old order."""
    marks = []
    for index, title in enumerate(titles):
        marks.append((familiarity(title, history) - surprise(title, history), index))
    kept = sorted(marks)[:wanted]
    return [index for index in range(len(titles)) if index in [place for mark, place in kept]]
