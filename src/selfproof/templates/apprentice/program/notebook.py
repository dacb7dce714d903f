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


def overlap(mine, theirs):
    """Share of the words of both titles that they have in common."""
    if not mine or not theirs:
        return 0.0
    common = [word for word in mine if word in theirs]
    return len(common) / (len(mine) + len(theirs))


def familiarity(title, history):
    """How much a title is like the past attempts that led nowhere, recent ones counting more."""
    total = 0.0
    for age, row in enumerate(reversed(history)):
        if row["outcome"] in ["slow", "worse", "invalid", "broken"]:
            total += overlap(words(title), words(row["title"])) / (len(history) + age)
    return total


def freshest(titles, history, wanted):
    """Indexes of the ``wanted`` titles that are least familiar, in their old order."""
    marks = []
    for index, title in enumerate(titles):
        marks.append((familiarity(title, history), index))
    kept = sorted(marks)[:wanted]
    return [index for index in range(len(titles)) if index in [place for mark, place in kept]]


def credit(history, operators):
    """For each operator the share of its attempts that were worth keeping, pulled towards the average of all."""
    shares = {}
    for operator in operators:
        tried = 0
        kept = 0
        for row in history:
            good = len([other for other in history if other["outcome"] == "raced"])
            if row["operator"] == operator:
                tried += 1
                if row["outcome"] == "raced":
                    kept += 1
        average = good / len(history) if history else 0.0
        shares[operator] = (kept + 4 * average + 1) / (tried + 5)
    return shares


def unseen(forms, tried):
    """For each form whether it was neither tried before nor is a repetition within ``forms``."""
    answers = []
    earlier = []
    for form in forms:
        answers.append(form not in tried and form not in earlier)
        earlier.append(form)
    return answers
