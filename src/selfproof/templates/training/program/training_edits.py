"""Edits of a training routine: it looks at a view of the program's life and returns edits, nothing else.

Constants, choices of the model, building blocks that people know (BLOCKS, SCHEDULES, INITS: supplied, not found), and
the general operators on expressions. A change of structure needs another step size at the same moment and looks
terrible alone, so each comes as a family: the same edit with step sizes from .003 to 30 times the present one, of
which a race keeps the best. It runs in the jail; whatever it returns is a suggestion.
"""

import ast
import hashlib
import random
import re

from selfproof.operators import EditImpossible, edit_function, normal_form, size

WEIGHTS = {
    "constant": 3.0,
    "knob": 2.0,
    "block": 4.0,
    "schedule": 1.0,
    "init": 1.0,
    "expression": 0.7,
    "crossover": 1.0,
}
CONSTANTS = ("constant", "knob")
BLOCKS = {
    "average the gradient": ["m = 0.9 * m + 0.1 * u", "u = m"],
    "momentum": ["m = 0.9 * m + u", "u = m"],
    "divide by the root of the average square": ["v = 0.99 * v + 0.01 * g * g", "u = u / (np.sqrt(v) + 1e-08)"],
    "divide by the layer's root mean square": ["u = u / (np.sqrt(np.mean(u * u)) + 1e-12)"],
    "take the sign": ["u = np.sign(u)"],
    "clip the norm": ["u = u / np.maximum(1.0, np.sqrt(np.sum(u * u)))"],
    "decay the weights": ["w = w - lr * 0.01 * w"],
    "correct an average's start": ["u = u / (1.0 - 0.9 ** t)"],
}
SCHEDULES = [
    "1.0",
    "1.0 - p",
    "0.5 + 0.5 * np.cos(np.pi * p)",
    "np.minimum(1.0, p / 0.05) * (1.0 - p)",
    "(1.0 - p) ** 0.5",
]
INITS = ["1.0 / np.sqrt(fan_in)", "np.sqrt(2.0 / fan_in)"]
KNOBS = {
    "context": range(2, 9),
    "embed": (6, 8, 12, 16, 24),
    "hidden": (32, 48, 64, 80, 96, 128),
    "batch": (16, 24, 32, 48, 64, 96, 128),
    "activation": (0, 1, 2),
    "bigram": (0, 1),
}
STEPS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FEW_STEPS = (0.4, 1.0, 2.5)
EXPRESSIONS = ("replace", "wrap", "blend", "unwrap", "insert")
LARGEST = 140


def form_of(source):
    """A short name for the code itself, without comments and layout."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()[:16]


def credit(history, operator):
    """The share of an operator's attempts that were worth keeping, recent ones counting more."""
    tried, kept = 0.05, 0.02
    for place, row in enumerate(history):
        if row["operator"] == operator:
            weight = (place + 1) / len(history)
            tried += weight
            kept += weight * (row["outcome"] == "raced")
    return kept / tried


def function_of(source, name):
    """The first and last line of a function's body without its docstring, counted from 0, and its statements."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            body = node.body[1:] if isinstance(node.body[0], ast.Expr) and len(node.body) > 1 else node.body
            return body[0].lineno - 1, body[-1].end_lineno, body
    raise EditImpossible(f"no function {name}")


def with_body(source, name, statements):
    """The source with another body of a function."""
    first, last, _ = function_of(source, name)
    lines = source.splitlines(keepends=True)
    return "".join([*lines[:first], *("    " + text + "\n" for text in statements), *lines[last:]])


def block(source, rng):
    """Put a building block before the weights are moved."""
    title = rng.choice(sorted(BLOCKS))
    _, _, body = function_of(source, "update")
    texts = [ast.unparse(statement) for statement in body]
    at = [i for i, text in enumerate(texts) if text.startswith("w = ")] or [len(texts) - 1]
    starts = [i for i, text in enumerate(texts[: at[-1] + 1]) if i > 0]
    place = rng.choice(starts) if rng.random() < 0.3 and starts else at[-1]
    return with_body(source, "update", [*texts[:place], *BLOCKS[title], *texts[place:]]), title


def chosen(name, texts):
    """An operator that lets a function return one of these expressions."""

    def operator(source, rng):
        text = rng.choice(texts)
        return with_body(source, name, ["return " + text]), f"{name}: {text}"

    return operator


def knob(source, rng):
    """Another choice of the model."""
    name = rng.choice(sorted(KNOBS))
    value = rng.choice(KNOBS[name])
    found, n = re.subn(rf"(['\"]){name}\1: [^,}}]+", f'"{name}": {value}', source, count=1)
    if not n or found == source:
        raise EditImpossible("nothing to choose")
    return found, f"{name} {value}"


def constant(source, rng):
    """One constant of the file, or two."""
    return edit_function(source, "", "constant", rng, repeat=1 if rng.random() < 0.7 else 2)


def expression(source, rng):
    """A general operator on an expression of the update or, less often, of the schedule."""
    name = "update" if rng.random() < 0.8 else "schedule"
    return edit_function(source, name, rng.choice(EXPRESSIONS), rng)


def crossover(source, rng, other):
    """Take one function over from another version."""
    name = rng.choice(("config", "init", "schedule", "update"))
    texts = [ast.unparse(statement) for statement in function_of(other, name)[2]]
    return with_body(source, name, texts), f"{name} of another version"


def with_step(source, factor):
    """The source with this multiple of its step size."""
    found = re.search(r"^LR = (\S+)$", source, re.MULTILINE)
    if found is None:
        raise EditImpossible("no step size")
    return source[: found.start(1)] + f"{float(found[1]) * factor:.3g}" + source[found.end(1) :]


def edited(parent, other, operator, rng):
    """The edit, and the multiples of the step size that it is tried with."""
    if operator == "crossover":
        return *crossover(parent, rng, other), FEW_STEPS
    makers = {
        "constant": constant,
        "knob": knob,
        "block": block,
        "expression": expression,
        "schedule": chosen("schedule", SCHEDULES),
        "init": chosen("init", INITS),
    }
    steps = {"block": STEPS, "expression": STEPS, "schedule": FEW_STEPS, "init": FEW_STEPS}
    return *makers[operator](parent, rng), steps.get(operator, (1.0,))


def propose(view):
    """view (see docs/design.md, "The improver's view") -> a list of edits of the focus file."""
    rng = random.Random(view["seed"])
    names = list(WEIGHTS) if set(view["operators"]) - {"constant"} else list(CONSTANTS)
    weights = [WEIGHTS[name] * (0.5 + credit(view["history"], name)) for name in names]
    known, edits = set(view["tried"]), []
    for index in range(view["wanted"] * 3):
        if len(edits) >= view["wanted"]:
            break
        parent = view["parents"][index % len(view["parents"])]
        other = rng.choice(view["parents"])["source"]
        operator = rng.choices(names, weights)[0]
        try:
            source, title, steps = edited(parent["source"], other, operator, rng)
            if size(source, "") > LARGEST or len(edits) + len(steps) > view["wanted"]:
                continue
            family = form_of(source) if len(steps) > 1 else ""
            for factor in steps:
                text = with_step(source, factor) if factor != 1.0 else source
                form = form_of(text)
                if form not in known:
                    known.add(form)
                    told = title if factor == 1.0 else f"{title}, {factor:g} times the step size"
                    edits.append(
                        {
                            "files": {view["path"]: text},
                            "title": told,
                            "operator": operator,
                            "parent": parent["id"],
                            "family": family,
                        }
                    )
        except (EditImpossible, SyntaxError, ValueError):
            continue
    return edits
