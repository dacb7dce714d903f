"""A prompt of rules, tried on small sums: each rule that fits an example answers it."""

import gepa.optimize_anything as oa
from gepa.optimize_anything import EngineConfig, GEPAConfig, optimize_anything

RULES = "plus: 0.5\ntimes: 0.2\n"
EXAMPLES = [{"word": word, "a": a, "b": b} for word in ("plus", "times") for a in range(1, 4) for b in range(2, 5)]


def evaluate(candidate: str, example: dict) -> tuple[float, dict]:
    """How near the rule for the example's word comes."""
    rules = dict(line.split(": ") for line in candidate.splitlines() if ": " in line)
    truth = example["a"] + example["b"] if example["word"] == "plus" else example["a"] * example["b"]
    guess = float(rules.get(example["word"], 0)) * (example["a"] + example["b"])
    oa.log("guess", guess)
    return 1.0 / (1.0 + abs(guess - truth)), {"Feedback": f"{example['word']} is {'near' if guess else 'missing'}"}


def main() -> None:
    """As GEPA's users write it."""
    result = optimize_anything(
        seed_candidate=RULES,
        evaluator=evaluate,
        dataset=EXAMPLES,
        objective="Rules that come near.",
        config=GEPAConfig(engine=EngineConfig(max_metric_calls=100)),
    )
    print(result.best_candidate)


if __name__ == "__main__":
    main()
