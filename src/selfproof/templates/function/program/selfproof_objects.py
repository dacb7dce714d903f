"""Objects as plain data and back, so that calls with objects of yours can be recorded, sent and compared.

An object is ("$new", "module:Class", arguments, state, items, pairs) or ("$call", "module:function", ...), as pickling
would take it apart, without trailing Nones; a function or class is ("$name", "module:name"). Plain data stays as it
is, and what holds no object stays the same object. Protected.
"""

import copyreg
import importlib
import types

NEW, CALL, NAME = "$new", "$call", "$name"
SCALARS = frozenset({type(None), bool, int, float, str, bytes})
RENAMED = {}  # modules that the program has under another name


def to_plain(value):
    """Plain data for a value, which stays as it is; TypeError for what cannot be taken apart, such as a generator."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is list or kind is set or kind is frozenset:
        if SCALARS.issuperset(map(type, value)):
            return value
        items = list(map(to_plain, value))
        return items if kind is list else _hashed(kind, items, items)
    if kind is tuple:
        if value and type(value[0]) is str and value[0] in (NEW, CALL, NAME):
            return (CALL, "builtins:tuple", ([to_plain(item) for item in value],))
        return tuple(map(to_plain, value))
    if kind is dict:
        pairs = [[to_plain(key), to_plain(item)] for key, item in value.items()]
        return _hashed(dict, [key for key, _ in pairs], pairs)
    if kind.__module__ == "numpy":
        return value
    return _taken_apart(value)


def _hashed(kind, keys, contents):
    """A set or a dict, or how to make it where objects among its keys are lists or dicts while they are plain data."""
    if any(map(holds_objects, keys)):
        return (CALL, f"builtins:{kind.__name__}", (contents,))
    return kind(contents)


def _taken_apart(value):
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return (NAME, _name(value))
    special = copyreg.dispatch_table.get(type(value))
    parts = special(value) if special else value.__reduce_ex__(4)
    if isinstance(parts, str):
        return (NAME, f"{getattr(value, '__module__', 'builtins')}:{parts}")
    make, args, state, items, pairs = (*parts, None, None, None, None)[:5]
    if make is copyreg.__newobj__:
        head = [NEW, _name(args[0]), to_plain(tuple(args[1:]))]
    elif make is copyreg.__newobj_ex__:
        raise TypeError(f"a {type(value).__name__} cannot be taken apart: it is made with keywords")
    else:
        head = [CALL, _name(make), to_plain(tuple(args))]
    rest = [to_plain(state), None if items is None else [to_plain(item) for item in items]]
    rest.append(None if pairs is None else [[to_plain(key), to_plain(item)] for key, item in pairs])
    while rest and rest[-1] is None:
        rest.pop()
    return (*head, *rest)


def _name(thing):
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "<locals>")
    place = f"{module}:{name}"
    if module is None or "<" in name or _found(place) is not thing:
        raise TypeError(f"{name} cannot be found by its name")
    return place


def holds_objects(data):
    """Whether plain data stands for an object anywhere."""
    kind = type(data)
    if kind is tuple and data and type(data[0]) is str and data[0] in (NEW, CALL, NAME):
        return True
    if kind is dict:
        return any(holds_objects(part) for pair in data.items() for part in pair)
    if kind in (list, tuple, set, frozenset):
        return not SCALARS.issuperset(map(type, data)) and any(map(holds_objects, data))
    return False


def from_plain(data):
    """The value that plain data stands for; the same object if it holds none."""
    return _made(data) if holds_objects(data) else data


def _made(data):
    kind = type(data)
    if kind is list or kind is set or kind is frozenset:
        return kind(map(_made, data))
    if kind is dict:
        return {_made(key): _made(item) for key, item in data.items()}
    if kind is not tuple:
        return data
    if not data or type(data[0]) is not str or data[0] not in (NEW, CALL, NAME):
        return tuple(map(_made, data))
    found = _found(data[1])
    if data[0] == NAME:
        return found
    args = _made(data[2])
    value = found.__new__(found, *args) if data[0] == NEW else found(*args)
    state, items, pairs = (*data[3:], None, None, None)[:3]
    if state is not None:
        _set(value, _made(state))
    if items is not None:
        value.extend(_made(items))
    for key, item in pairs or ():
        value[_made(key)] = _made(item)
    return value


def _found(name):
    module, _, path = name.partition(":")
    found = importlib.import_module(RENAMED.get(module, module))
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _set(value, state):
    if hasattr(value, "__setstate__"):
        value.__setstate__(state)
        return
    plain, slots = state if type(state) is tuple and len(state) == 2 else (state, None)
    if plain:
        value.__dict__.update(plain)
    for name, item in (slots or {}).items():
        setattr(value, name, item)
