"""Small sums as an Inspect task."""

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import choice, match, model_graded_fact
from inspect_ai.solver import generate, multiple_choice


def samples():
    return [Sample(input=f"What is {a} plus {b}?", target=str(a + b)) for a in range(12) for b in range(12)]


@task
def sums():
    return Task(dataset=samples(), solver=generate(), scorer=match(numeric=True))


@task
def which():
    rows = [
        Sample(input=f"Which is larger than {a}?", choices=[str(a - 1), str(a + 1), str(a)], target="B")
        for a in range(10)
    ]
    return Task(dataset=rows, solver=multiple_choice(), scorer=choice())


@task
def judged():
    return Task(dataset=samples(), solver=generate(), scorer=model_graded_fact())
