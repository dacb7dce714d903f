
import random

from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import InvalidAnswer, Sample


class Numbers(FiniteTask):
    def draws(self, sample, answer):
        if not isinstance(answer, float):
            raise InvalidAnswer("a float, please")
        return [self.loss(answer, sample.hidden)]


class Squares(Numbers):
    metric, better, span, whole = "failed", "lower", 1.0, True

    def items(self):
        return [Sample(float(x), float(x * x)) for x in range(20)]

    def loss(self, answer, truth):
        return float(answer != truth)


class Small(Squares):
    def items(self):
        return super().items()[:3]


class Doubles(Numbers):
    metric, better, span, lifetime, shares = "error", "lower", 20.0, 1, (0.3, 0.5, 0.2)

    def items(self):
        rng = random.Random(5)
        return [Sample(x, 2 * x + rng.gauss(0, 0.3)) for x in (rng.uniform(0, 4) for _ in range(400))]

    def loss(self, answer, truth):
        return min(20.0, abs(answer - truth))
