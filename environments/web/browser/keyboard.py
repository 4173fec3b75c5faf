"""Key events of the DevTools protocol for a key's name, as the DOM's ``KeyboardEvent.key`` has it.

Codes: UI Events KeyboardEvent code values, on a US keyboard.
"""

from __future__ import annotations

from typing import Any

from envgym.errors import ToolError, suggest

_NAMED = {
    "Backspace": 8,
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    "Space": 32,
    "PageUp": 33,
    "PageDown": 34,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Insert": 45,
    "Delete": 46,
    **{f"F{n}": 111 + n for n in range(1, 13)},
}
_MODIFIERS = {"Alt": (1, 18), "Control": (2, 17), "Meta": (4, 91), "Shift": (8, 16)}
_COMMANDS = {"a": "selectAll", "c": "copy", "v": "paste", "x": "cut", "z": "undo", "y": "redo"}


def events(combination: str) -> list[dict[str, Any]]:
    """Events of a key or a combination such as ``Control+A``, in order.

    Raises:
        ToolError: There is no such key.
    """
    *modifiers, key = combination.split("+") if len(combination) > 1 else [combination]
    for name in modifiers:
        if name not in _MODIFIERS:
            raise ToolError(f"there is no modifier {name!r}.{suggest(name, _MODIFIERS)}")
    if key not in _NAMED and len(key) != 1:
        raise ToolError(f"there is no key {key!r}.{suggest(key, _NAMED)}")
    mask = sum(_MODIFIERS[name][0] for name in modifiers)
    made = [_modifier("rawKeyDown", name, mask) for name in modifiers]
    event = _event(key, mask)
    text = event.pop("text", None)
    down = {"type": "keyDown" if text and not mask & ~8 else "rawKeyDown", **event}
    if text and not mask & ~8:
        down["text"] = text
    if mask & 2 and (command := _COMMANDS.get(key.lower())):
        down["commands"] = [command]
    made += [down, {"type": "keyUp", **event}]
    return made + [_modifier("keyUp", name, 0) for name in reversed(modifiers)]


def _event(key: str, mask: int) -> dict[str, Any]:
    if key in _NAMED:
        code = _NAMED[key]
        event: dict[str, Any] = {
            "key": " " if key == "Space" else key,
            "code": key,
            "windowsVirtualKeyCode": code,
        }
        if key in ("Enter", "Space"):
            event["text"] = "\r" if key == "Enter" else " "
    else:
        event = {"key": key, "text": key}
        if key.isascii() and key.isalnum():
            event["code"] = f"Digit{key}" if key.isdecimal() else f"Key{key.upper()}"
            event["windowsVirtualKeyCode"] = ord(key.upper())
    return event | {"modifiers": mask}


def _modifier(kind: str, name: str, mask: int) -> dict[str, Any]:
    return {
        "type": kind,
        "key": name,
        "code": name if name == "Meta" else f"{name}Left",
        "windowsVirtualKeyCode": _MODIFIERS[name][1],
        "modifiers": mask,
    }
