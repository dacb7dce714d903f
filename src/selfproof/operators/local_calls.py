"""Calls of builtins and of a few methods, written so that the interpreter does the same with less.

- smaller or larger of two: `min(a, b)` is `b if b < a else a`, `max(a, b)` is `b if b > a else a`, word for word what
  the builtin does (ties, NaN and odd comparisons included).
- generator to list: `tuple(...)`, `sorted(...)` or `"".join(...)` uses a generator up at once, so a list serves;
  `set(...)`, `list(...)` and `dict(...)` of a generator are comprehensions. `sum`, `min` and `max` only where the
  elements are certainly integers, so that nothing can fail between two of them.
- format: `"{} {}".format(a, b)` is an f-string.
- prefix: `s[i:].startswith(p)` copies the rest of `s`; where `s` is exactly text and `i` lies in it, which is checked
  each time, `s.startswith(p, i)` says the same.
- bare function: `key=lambda x: f(x)` is `key=f`, `[f(x) for x in xs]` for a builtin is `list(map(f, xs))`.
- display: `dict()` is `{}`, `list()` is `[]`.

Does not protect against: StopIteration raised by an operator or attribute of an object that is not plain data, which a
generator would have turned into RuntimeError.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator

from .body import Body
from .speed_names import CHANGING_METHODS, EXCEPTIONS, READING_METHODS, names_bound
from .speed_text import Move, after, before, instead, segment

_RE_METHODS = frozenset({"match", "fullmatch", "search", "findall", "group", "groups", "start", "end", "span"})
_QUIET_METHODS = (READING_METHODS | CHANGING_METHODS | _RE_METHODS) - {"send", "throw"}
_QUIET_BUILTINS = frozenset(
    ("abs", "all", "any", "ascii", "bin", "bool", "bytes", "bytearray", "callable", "chr", "complex", "dict", "divmod")
) | {
    "enumerate", "filter", "float", "format", "frozenset", "getattr", "hasattr", "hash", "hex", "int", "isinstance",
    "issubclass", "len", "list", "map", "max", "min", "oct", "ord", "pow", "range", "repr", "reversed", "round", "set",
    "slice", "sorted", "str", "sum", "tuple", "type", "zip",
}  # fmt: skip
_QUIET_NAMES = _QUIET_BUILTINS | EXCEPTIONS - {"StopIteration", "StopAsyncIteration"}
_INTEGERS = frozenset({"len", "ord", "hash"})
_MAPPED = frozenset({"len", "ord", "chr", "str", "int", "float", "repr", "abs", "bool", "hash", "bytes", "hex", "bin"})
"""Builtins that one may hand over in place of a function that calls them: of one argument, and never StopIteration."""

_USED_AT_ONCE = frozenset({"tuple", "sorted", "list", "set", "dict"})


def smaller_or_larger(body: Body) -> Iterator[Move]:
    """`min` or `max` of two values without the call."""
    for node in _calls(body):
        if not body.builtin(node.func, "min", "max") or len(node.args) != 2 or node.keywords:
            continue
        text = _chosen(body, node, ">" if node.func.id == "max" else "<")  # type: ignore[attr-defined]
        if text:
            yield Move(f"choose by comparison: {short(node)}", "two values", (instead(node, text),), ())


def _chosen(body: Body, node: ast.Call, sign: str) -> str | None:
    """The text of the choice; None where an operand is used twice and evaluating it is more than reading a name."""
    one, two = node.args
    if any(isinstance(part, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) for part in ast.walk(node)):
        return None
    if any(isinstance(item, ast.Starred) for item in node.args):
        return None
    first, second = segment(body.module.source, one), segment(body.module.source, two)
    sure = [body.stable(item) and _sure(body, item) for item in node.args]
    if all(map(body.stable, node.args)) and any(sure):
        return f"({second} if {second} {sign} {first} else {first})"
    if not any(sure) or not body.may_bind(node):
        return None
    kept = body.fresh("_one")
    if sure[0]:
        return f"({kept} if ({kept} := {second}) {sign} {first} else {first})"
    return f"({second} if {second} {sign} ({kept} := {first}) else {kept})"


def _sure(body: Body, node: ast.expr) -> bool:
    return not isinstance(node, ast.Name) or body.definite(node.id, node)


def generators_used_at_once(body: Body) -> Iterator[Move]:
    """A generator expression that the call around it uses up before anything else happens."""
    for node in _calls(body):
        made = node.args[0] if node.args else None
        if not isinstance(made, ast.GeneratorExp) or len(node.args) != 1 or not quiet(body, made):
            continue
        text = _collected(body, node, made)
        if text:
            yield Move(f"collect at once: {short(node)}", "generator to list", (instead(node, text),), ())


def _collected(body: Body, node: ast.Call, made: ast.GeneratorExp) -> str | None:
    inner = _inside(body, made)
    callee = node.func
    if isinstance(callee, ast.Attribute):
        glue = isinstance(callee.value, ast.Constant) and isinstance(callee.value.value, str | bytes)
        return f"{segment(body.module.source, callee)}([{inner}])" if glue and callee.attr == "join" else None
    if not all(isinstance(item.value, ast.Lambda | ast.Constant) or body.stable(item.value) for item in node.keywords):
        return None  # it would be evaluated after the elements, no longer before
    options = "".join(f", {ast.unparse(item)}" for item in node.keywords)
    if body.builtin(callee, "sum", "min", "max") and integer(body, made.elt) and not node.keywords:
        return f"{callee.id}([{inner}])"  # type: ignore[attr-defined]
    if not body.builtin(callee, *_USED_AT_ONCE) or (node.keywords and callee.id != "sorted"):  # type: ignore[attr-defined]
        return None
    kind = callee.id  # type: ignore[attr-defined]
    if kind in ("list", "set"):
        return f"[{inner}]" if kind == "list" else f"{{{inner}}}"
    if kind == "dict":
        return _pairs(body, made)
    return f"{kind}([{inner}]{options})"


def _pairs(body: Body, made: ast.GeneratorExp) -> str | None:
    if not isinstance(made.elt, ast.Tuple) or len(made.elt.elts) != 2:
        return None
    if any(isinstance(item, ast.Starred) for item in made.elt.elts):
        return None
    key, value = made.elt.elts
    return ast.unparse(ast.DictComp(key=key, value=value, generators=made.generators))


def _inside(body: Body, made: ast.GeneratorExp) -> str:
    """The text of a generator expression without its parentheses; in a call they are the call's own."""
    text = segment(body.module.source, made)
    return text[1:-1] if text.startswith("(") and text.endswith(")") else ast.unparse(made)[1:-1]


def quiet(body: Body, node: ast.AST) -> bool:
    """Whether evaluating `node` runs only what is not known to raise StopIteration: no `next`, no unknown call."""
    return all(_quiet_part(body, part, frozenset()) for part in ast.walk(node))


def _quiet_part(body: Body, part: ast.AST, met: frozenset[str]) -> bool:
    if isinstance(part, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Lambda):
        return False
    if isinstance(part, ast.comprehension):
        return not part.is_async
    if not isinstance(part, ast.Call):
        return True
    callee = part.func
    if any(item.arg in ("key", None) and not _quiet_callable(body, item.value) for item in part.keywords):
        return False
    if isinstance(callee, ast.Attribute):
        return callee.attr in _QUIET_METHODS
    if body.builtin(callee, *_QUIET_NAMES):
        return True
    if not isinstance(callee, ast.Name) or callee.id in met or not body.global_once(callee.id):
        return isinstance(callee, ast.Name) and callee.id in met
    function = body.module.functions.get(callee.id)
    return function is not None and _quiet_function(body, function, met | {callee.id})


def _quiet_callable(body: Body, node: ast.expr) -> bool:
    return body.builtin(node, *_QUIET_NAMES) or (isinstance(node, ast.Attribute) and node.attr in _QUIET_METHODS)


def _quiet_function(body: Body, function: ast.FunctionDef, met: frozenset[str]) -> bool:
    """Whether the module's own function, and what it calls, is quiet; its own names must not hide a callee's."""
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    own = names_bound([*nodes, *ast.walk(function.args)])
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    plain = not function.decorator_list and not own & called
    return plain and not any(
        isinstance(node, ast.Raise | ast.FunctionDef | ast.Import | ast.ImportFrom) or not _quiet_part(body, node, met)
        for node in nodes
    )


def integer(body: Body, node: ast.expr) -> bool:
    """Whether the value of `node` is certainly an integer or a truth value."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.Call):
        return body.builtin(node.func, *_INTEGERS)
    if isinstance(node, ast.IfExp):
        return integer(body, node.body) and integer(body, node.orelse)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
        return integer(body, node.left) and integer(body, node.right)
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def bare_functions(body: Body) -> Iterator[Move]:
    """`lambda x: f(x)` as `f` where a builtin calls it with one argument, and `[f(x) for x in xs]` as a `map`."""
    for node in body.sites:
        if isinstance(node, ast.Lambda):
            call, holder = node.body, body.parents[node]
            keyed = isinstance(holder, ast.keyword) and holder.arg == "key" and _sorts(body, body.parents[holder])
            name = node.args.args[0].arg if len(node.args.args) == 1 else ""
            plain = not any((node.args.vararg, node.args.kwarg, node.args.kwonlyargs, node.args.defaults))
            text = _handed_over(body, call, name, body.parents[holder]) if keyed and plain and name else ""
            if text:
                yield Move(f"{text} itself for {short(node)}", "bare function", (instead(node, text),), ())
        elif isinstance(node, ast.ListComp) and len(node.generators) == 1 and not node.generators[0].ifs:
            (clause,) = node.generators
            name = clause.target.id if isinstance(clause.target, ast.Name) and not clause.is_async else ""
            if not name or not _of_name(body, node.elt, name) or not body.builtin(node.elt.func, *_MAPPED):  # type: ignore[attr-defined]
                continue
            if not (body.builtin(_name("list"), "list") and body.builtin(_name("map"), "map")):
                continue
            text = f"list(map({node.elt.func.id}, {segment(body.module.source, clause.iter)}))"  # type: ignore[attr-defined]
            yield Move(f"map for {short(node)}", "bare function", (instead(node, text),), ())


def _handed_over(body: Body, node: ast.expr, name: str, call: ast.AST) -> str:
    """What does the same as `lambda name: node` for the elements of `call`'s first argument; "" for nothing."""
    if _of_name(body, node, name):
        return node.func.id  # type: ignore[attr-defined, no-any-return]
    looked = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Name)
    if looked and node.slice.id == name and node.value.id != name:  # type: ignore[attr-defined]
        items = call.args[0] if isinstance(call, ast.Call) and call.args else None
        own = isinstance(items, ast.Name) and items.id == node.value.id  # type: ignore[attr-defined]
        return f"{items.id}.get" if own and _dictionary(body, items.id) else ""  # type: ignore[union-attr]
    return ""


def _dictionary(body: Body, name: str) -> bool:
    """Whether a local is only ever bound to a new dict, or to a new Counter: its own keys have values there."""
    stores = [node for node in body.names.get(name, ()) if not isinstance(node.ctx, ast.Load)]
    values = [getattr(body.parents[node], "value", None) for node in stores]
    simple = all(isinstance(body.parents[node], ast.Assign | ast.AnnAssign) for node in stores)
    made = [isinstance(value, ast.Dict | ast.DictComp) or (
        isinstance(value, ast.Call) and (body.builtin(value.func, "dict") or counter(body, value.func))
    ) for value in values]  # fmt: skip
    return bool(stores) and simple and all(made) and body.own(name) and name not in body.parameters


def counter(body: Body, callee: ast.expr) -> bool:
    """Whether `callee` is `collections.Counter`, imported at the top of the module."""
    named = isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name) and callee.attr == "Counter"
    name = callee.value.id if named else getattr(callee, "id", "")  # type: ignore[attr-defined]
    if not name or not body.global_once(name):
        return False
    origin = body.module.bound_at[name][0]
    if named:
        return isinstance(origin, ast.Import) and any(
            item.name == "collections" and item.asname in (None, name) for item in origin.names
        )
    return isinstance(origin, ast.ImportFrom) and origin.module == "collections" and origin.level == 0 and any(
        item.name == "Counter" and (item.asname or item.name) == name for item in origin.names
    )  # fmt: skip


def _sorts(body: Body, call: ast.AST) -> bool:
    if not isinstance(call, ast.Call):
        return False
    return body.builtin(call.func, "sorted", "min", "max")


def _of_name(body: Body, node: ast.expr, name: str) -> bool:
    """Whether `node` is f(name), f being a builtin or a function of the module that nothing rebinds."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords or len(node.args) != 1:
        return False
    (argument,) = node.args
    same = isinstance(argument, ast.Name) and argument.id == name and node.func.id != name
    known = body.builtin(node.func, *_MAPPED) or (
        body.global_once(node.func.id) and node.func.id in body.module.functions
    )
    return same and known


def _name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


def formats(body: Body) -> Iterator[Move]:
    """`"...{}...".format(...)` as an f-string."""
    for node in _calls(body):
        callee = node.func
        if not (
            isinstance(callee, ast.Attribute) and callee.attr == "format" and isinstance(callee.value, ast.Constant)
        ):
            continue
        if not isinstance(callee.value.value, str):
            continue
        text = _f_string(body, callee.value.value, node)
        if text:
            yield Move(f"an f-string: {short(node)}", "f-string", (instead(node, text),), ())


def _f_string(body: Body, template: str, node: ast.Call) -> str | None:
    """The f-string's text; None where a value is not a plain local, for its evaluation would move."""
    if any(isinstance(item, ast.Starred) for item in node.args) or any(item.arg is None for item in node.keywords):
        return None
    given: dict[str, ast.expr] = {str(number): item for number, item in enumerate(node.args)}
    given |= {str(item.arg): item.value for item in node.keywords}
    if not all(body.stable(value) and _sure(body, value) for value in given.values()):
        return None
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError:
        return None
    parts: list[ast.expr] = []
    counted, numbered = 0, False
    for literal, name, spec, conversion in fields:
        if literal:
            parts.append(ast.Constant(literal))
        if name is None:
            continue
        numbered |= name.isdecimal()
        if name == "":
            name, counted = str(counted), counted + 1  # noqa: PLW2901
        value = given.get(name)
        if value is None or "{" in (spec or "") or conversion not in (None, "r", "s", "a") or (numbered and counted):
            return None
        shown = ast.JoinedStr([ast.Constant(spec)]) if spec else None
        parts.append(ast.FormattedValue(value, ord(conversion) if conversion else -1, shown))
    return _unparsed(ast.JoinedStr(parts), template)


def _unparsed(node: ast.JoinedStr, template: str) -> str | None:
    if "\\" in template or "\n" in template or len(node.values) < 2:  # one value alone may be a subclass of str
        return None
    try:
        return ast.unparse(node)
    except ValueError:  # quotes and backslashes that no f-string of this version can hold
        return None


def prefixes(body: Body) -> Iterator[Move]:
    """`s[i:].startswith(p)` and `endswith` without the copy, where a check says that it is the same."""
    for node in _calls(body):
        callee = node.func
        if not (isinstance(callee, ast.Attribute) and callee.attr in ("startswith", "endswith")):
            continue
        cut = callee.value
        if not (isinstance(cut, ast.Subscript) and isinstance(cut.slice, ast.Slice)) or len(node.args) != 1:
            continue
        lower = cut.slice.lower
        bare = cut.slice.upper is None and cut.slice.step is None and isinstance(cut.value, ast.Name)
        if not bare or node.keywords or lower is None or not (body.stable(cut.value) and body.stable(lower)):
            continue
        known = all(isinstance(item, ast.Constant) or body.own(item.id) for item in (cut.value, lower)
                    if isinstance(item, ast.Name | ast.Constant))  # fmt: skip
        builtins = all(body.builtin(ast.Name(name), name) for name in ("type", "len", "str", "int"))
        holder = body.parents[node]
        done = isinstance(holder, ast.IfExp) and holder.orelse is node and isinstance(holder.body, ast.Call)
        odd = done or any(isinstance(part, ast.Starred | ast.NamedExpr) for part in ast.walk(node))
        if odd or not known or not builtins or isinstance(lower, ast.UnaryOp):
            continue
        text, start = segment(body.module.source, cut.value), segment(body.module.source, lower)
        asked = segment(body.module.source, node.args[0])
        test = f"type({text}) is str and type({start}) is int and 0 <= {start} <= len({text})"
        same = f"{text}.{callee.attr}({asked}, {start})"
        cuts = (before(node, f"({same} if {test} else "), after(node, ")"))
        yield Move(f"no copy for {short(node)}", "prefix without a copy", cuts, ())


def displays(body: Body) -> Iterator[Move]:
    """`dict()` and `list()` as displays."""
    for node in _calls(body):
        if body.builtin(node.func, "dict", "list", "tuple") and not node.args and not node.keywords:
            text = {"dict": "{}", "list": "[]", "tuple": "()"}[node.func.id]  # type: ignore[attr-defined]
            yield Move(f"a display for {short(node)}", "display", (instead(node, text),), ())


def _calls(body: Body) -> Iterator[ast.Call]:
    return (node for node in body.sites if isinstance(node, ast.Call))


def short(node: ast.AST) -> str:
    """The code of a node in at most 40 characters."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 40 else text[:37] + "..."
