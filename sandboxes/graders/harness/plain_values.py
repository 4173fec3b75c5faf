"""Plain values as typed JSON, the only data that leaves a sandbox.

An answer is a value, never an object: nothing that is unpickled, evaluated or compared by a method
of its own. ``1``, ``True`` and ``1.0`` stay apart, tuples are no lists, and what has no plain form
is refused where it is, so that an object that equals everything cannot win.

The *wire* form of a value: None, bool, str, finite floats and ints below 2**53 stand for
themselves, a JSON array is a list, and an object has one key that names the type: ``t`` tuple,
``s`` set, ``z`` frozenset, ``d`` dict as pairs, ``b`` bytes in hex, ``i`` a big int in hex, ``f``
nan or an infinity, ``c`` complex. Hosts check and compare wire forms and build no sets or dicts of
them: keys chosen to collide cost the sandbox its time, not the host.
"""

from __future__ import annotations

import builtins
import collections
import json
import math
import re
import sys
from typing import Any

DEPTH = 64
WIRE_BYTES = 1 << 20
_EXACT = 1 << 53
_HEX_INT = re.compile(r"-?0x[0-9a-f]+\Z")
_HEX = re.compile(r"([0-9a-f]{2})*\Z")
_SERIES = {"t": tuple, "s": set, "z": frozenset}
_DICTS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)

# The exceptions that may cross, by name; all others go by the nearest of these that they are kinds
# of, or by none. StopIteration and its like would end an iteration of the tests without a word,
# AssertionError would look like a test's own. Each can be made of a message alone.
EXCEPTIONS = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type)
    and issubclass(kind, Exception)
    and not issubclass(kind, (StopIteration, StopAsyncIteration, AssertionError, Warning))
    and (kind is UnicodeError or not issubclass(kind, UnicodeError))
    and name != "ExceptionGroup"
}


class NotPlain(ValueError):
    """A value, or a text that should be one, has no plain form; the message says why."""


def encode(value: Any, depth: int = DEPTH) -> Any:
    """Encode a value in wire form.

    Beside the plain types, the dicts of ``collections`` pass as dicts, named tuples as tuples and
    NumPy's scalars as the numbers they hold.

    Raises:
        NotPlain: Another type, or nested deeper than `depth` (as a list in itself is).
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -_EXACT < value < _EXACT else {"i": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"f": repr(value)}
    if kind is complex:
        return {"c": [encode(value.real), encode(value.imag)]}
    if kind is bytes:
        return {"b": value.hex()}
    if depth == 0:
        raise NotPlain("a value that is nested too deep")
    if kind is list:
        return [encode(item, depth - 1) for item in value]
    if kind is tuple or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return {"t": [encode(item, depth - 1) for item in value]}
    if kind is set or kind is frozenset:
        tag = "s" if kind is set else "z"
        return {tag: [encode(item, depth - 1) for item in value]}
    if kind in _DICTS:
        return {"d": [[encode(k, depth - 1), encode(v, depth - 1)] for k, v in value.items()]}
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return encode(value.item(), depth - 1)
    raise NotPlain(f"a {kind.__name__}, which is no plain value")


def decode(wire: Any) -> Any:
    """Decode a checked wire form.

    Raises:
        NotPlain: A set or dict with an unhashable or repeated member.
    """
    if isinstance(wire, list):
        return [decode(item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    ((tag, body),) = wire.items()
    if tag == "i":
        return int(body, 16)
    if tag == "f":
        return float(body)
    if tag == "b":
        return bytes.fromhex(body)
    if tag == "c":
        return complex(decode(body[0]), decode(body[1]))
    try:
        if tag == "d":
            made: Any = {decode(key): decode(item) for key, item in body}
        else:
            made = _SERIES[tag](decode(item) for item in body)
    except TypeError as error:
        raise NotPlain(str(error)) from None
    if len(made) != len(body):
        raise NotPlain("a set or a dict with a member twice")
    return made


def check(wire: Any, depth: int = DEPTH) -> None:
    """Validate an untrusted wire form.

    Raises:
        NotPlain: It breaks a rule of the wire form.
    """
    if wire is None or isinstance(wire, (bool, str)):
        return
    if isinstance(wire, int):
        good = -_EXACT < wire < _EXACT
    elif isinstance(wire, float):
        good = math.isfinite(wire)
    elif depth == 0:
        raise NotPlain("a value that is nested too deep")
    elif isinstance(wire, list):
        for item in wire:
            check(item, depth - 1)
        good = True
    else:
        items = list(wire.items()) if isinstance(wire, dict) else []
        good = len(items) == 1 and _tagged(*items[0], depth)
    if not good:
        raise NotPlain("an answer that breaks the rules of answers")


def _tagged(tag: str, body: Any, depth: int) -> bool:
    if tag == "i":
        return isinstance(body, str) and _HEX_INT.match(body) is not None
    if tag == "f":
        return body in ("nan", "inf", "-inf")
    if tag == "b":
        return isinstance(body, str) and _HEX.match(body) is not None
    if not isinstance(body, list):
        return False
    if tag == "c":
        if len(body) != 2 or not all(isinstance(part, (float, dict)) for part in body):
            return False
        return all(isinstance(part, float) or _special(part) for part in body)
    if tag == "d":
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in body):
            return False
        body = [item for pair in body for item in pair]
    elif tag not in _SERIES:
        return False
    for item in body:
        check(item, depth - 1)
    return True


def _special(wire: dict[str, Any]) -> bool:
    return list(wire) == ["f"] and _tagged("f", wire["f"], 0)


def dump(wire: Any, most: int = WIRE_BYTES) -> str:
    """Serialise a wire form as one line of ASCII.

    Raises:
        NotPlain: It is longer than `most`.
    """
    text = json.dumps(wire, allow_nan=False, separators=(",", ":"))
    if len(text) > most:
        raise NotPlain("a value that is too large")
    return text


def load(text: str, most: int = WIRE_BYTES) -> Any:
    """Parse an untrusted `dump`; the result is not yet checked.

    Raises:
        NotPlain: It is too long, or no JSON.
    """
    if len(text) > most:
        raise NotPlain("a value that is too large")
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NotPlain("an answer that is no JSON") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)
