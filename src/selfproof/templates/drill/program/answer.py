"""Numbers answered with themselves, more or less: what drills change."""

LEVEL = 0.5
LOW = 0.9
RIGHT = 1.0
FREE = 0.0


def solve(numbers):
    answers = []
    for place, number in enumerate(numbers):
        level = LEVEL if number > 0 else LOW
        level = level * RIGHT if place % 2 else level
        answers.append(FREE if place % 3 == 2 else level * number)
    return answers


def secret(pair):
    return None
