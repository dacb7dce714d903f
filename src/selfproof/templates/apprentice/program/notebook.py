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


def familiarity(title, history):
    """How much a title is like the past attempts that led nowhere, recent ones counting more."""
    total = 0.0
    for age, row in enumerate(reversed(history)):
        theirs = words(row["title"])
        common = [word for word in words(title) if word in theirs]
        failed = row["outcome"] in ["slow", "worse", "invalid", "broken"]
        if failed and common:
            total += len(common) / ((len(theirs) + len(words(title))) * (age + len(history)))
    return total


def freshest(titles, history, wanted):
    """Indexes of the ``wanted`` titles that are most surprising and least familiar, in their old order."""
    marks = []
    for index, title in enumerate(titles):
        marks.append((familiarity(title, history) - surprise(title, history), index))
    kept = sorted(marks)[:wanted]
    return [index for index in range(len(titles)) if index in [place for mark, place in kept]]


def total_weight(history):
    """Sum of the weights of all rows: the newest row weighs as much as there are rows, the oldest one."""
    total = 0
    for place in range(len(history)):
        total += place + 1
    return total


def credit(history, operators):
    """For each operator the share of its attempts that were worth keeping, recent ones counting more."""
    shares = {}
    for operator in operators:
        tried = 0.0
        kept = 0.0
        for place, row in enumerate(history):
            weight = (place + 1) / total_weight(history)
            if row["operator"] == operator:
                tried += weight
                kept += weight * (row["outcome"] == "raced")
        shares[operator] = (kept + 0.02) / (tried + 0.05)
    return shares


def unseen(forms, tried):
    """For each form whether it was neither tried before nor is a repetition within ``forms``."""
    answers = []
    earlier = []
    for form in forms:
        answers.append(form not in tried and form not in earlier)
        earlier.append(form)
    return answers
