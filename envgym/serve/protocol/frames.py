"""Frames of the wire protocol: JSON objects, one per frame, as TypedDicts that both ends share.

A form is a TypedDict: the sender fills in a plain dict, at no cost, and the receiver has pydantic
validate it in one pass. A request names its operation under ``op`` and carries a number that
its reply repeats: the reply to a request that was cancelled is known by it, and dropped. Texts are
taken as they are (`Text`): a model may write half a character (``"\\ud800"``), which JSON carries
and pydantic's own str refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, TypeVar

from pydantic import ConfigDict, Field, InstanceOf, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from envgym.errors import FaultKind, UsageError
from envgym.utils.validation_text import first_problem

MAX_BYTES = 16 * 2**20
"""Longest frame, in either direction."""
MESSAGE_LIMIT = MAX_BYTES + 1
"""aiohttp's limit: it refuses a message that reaches its limit."""

Text = InstanceOf[str]
Json = dict[Any, Any]
F = TypeVar("F")
_strict = with_config(ConfigDict(extra="forbid"))


@_strict
class CallRow(TypedDict):
    """Wire form of a `ToolCall`."""

    name: Text
    arguments: Json | None
    id: NotRequired[Text]
    error: NotRequired[Text | None]


@_strict
class ActionRow(TypedDict):
    """Wire form of an `Action`."""

    text: Text
    tool_calls: NotRequired[list[CallRow]]


@_strict
class MessageRow(TypedDict):
    """Wire form of a `Message`; its kind only where the role does not imply it."""

    role: Text
    content: Any
    kind: NotRequired[Any]
    tool_calls: NotRequired[list[CallRow]]
    tool_call_id: NotRequired[Text]
    name: NotRequired[Text]


@_strict
class SeenRow(TypedDict):
    """Wire form of an `Observation`."""

    messages: list[MessageRow]
    replace_from: NotRequired[int]


@_strict
class TaskRow(TypedDict):
    """Wire form of a `Task`; the server sends a reference instead of the hidden part."""

    data: Json
    hidden: Json
    split: str
    difficulty: float | int | None


@_strict
class DeadlinesRow(TypedDict):
    """Wire form of `Deadlines`."""

    reset: float | None
    step: float | None
    tool: float | None
    close: float | None


# --- by WebSocket: client to server -------------------------------------------------------------


@_strict
class Open(TypedDict):
    """First request: make an instance with these arguments."""

    op: Literal["open"]
    id: int
    kwargs: dict[str, Any]


@_strict
class Reset(TypedDict):
    """Request: `Env.reset`; a task among the options is in `task`."""

    op: Literal["reset"]
    id: int
    seed: int | None
    options: dict[str, Any]
    task: TaskRow | None
    deadlines: NotRequired[DeadlinesRow]


@_strict
class Step(TypedDict):
    """Request: `Env.step`."""

    op: Literal["step"]
    id: int
    action: ActionRow
    deadlines: NotRequired[DeadlinesRow]


@_strict
class Consult(TypedDict):
    """Request: the next action of the episode's oracle number `oracle`; the next number starts
    another.
    """

    op: Literal["consult"]
    id: int
    oracle: Annotated[int, Field(ge=0)]


@_strict
class Cancel(TypedDict):
    """Request without a reply: cancel request `id`."""

    op: Literal["cancel"]
    id: int


@_strict
class Close(TypedDict):
    """Request: `Env.close`; the server closes the socket after its reply."""

    op: Literal["close"]
    id: int


Request = Reset | Step | Consult | Close

# --- by WebSocket: server to client -------------------------------------------------------------


@_strict
class Opened(TypedDict):
    """Reply to `Open`: the instance is made; `session` names it in HTTP requests."""

    re: Literal["opened"]
    id: int
    session: str


@_strict
class Began(TypedDict):
    """Reply to `Reset`: the first observation; `task` where the client does not have it already.

    `partial` is the score of the episode if it were cut now; None where it is unknown.
    """

    re: Literal["began"]
    id: int
    seen: SeenRow
    info: Json
    task: TaskRow | None
    partial: float | None


@_strict
class Stepped(TypedDict):
    """Reply to `Step`: the result; `partial` as in `Began`."""

    re: Literal["stepped"]
    id: int
    seen: SeenRow
    reward: float | int
    terminated: bool
    truncated: bool
    info: Json
    partial: float | None


@_strict
class Advised(TypedDict):
    """Reply to `Consult`: the oracle's next action; None where it has no further one."""

    re: Literal["advised"]
    id: int
    action: ActionRow | None


@_strict
class Closed(TypedDict):
    """Reply to `Close`: the instance is closed."""

    re: Literal["closed"]
    id: int


@_strict
class Failed(TypedDict):
    """Reply in place of any other: the error; `kind` is a Fault's. See `protocol.failures`."""

    re: Literal["failed"]
    id: int
    error: Literal["UsageError", "ToolError", "Fault", "EnvgymError"]
    message: Text
    kind: FaultKind | None


Reply = Began | Stepped | Advised | Closed | Failed

# --- by HTTP: while the caller waits ------------------------------------------------------------


@_strict
class Describe(TypedDict):
    """Request: describe the environment made with these arguments."""

    op: Literal["describe"]
    kwargs: dict[str, Any]


@_strict
class ListTasks(TypedDict):
    """Request: the size of a split, and its tasks from `start` to `stop`."""

    op: Literal["tasks"]
    kwargs: dict[str, Any]
    split: str
    start: Annotated[int, Field(ge=0)]
    stop: Annotated[int, Field(ge=0)]


@_strict
class AskHints(TypedDict):
    """Request: `Env.hints` of a session; `attempt` is an episode as `envgym.store.json_rows` writes
    it.
    """

    op: Literal["hints"]
    session: str
    attempt: Json | None


@_strict
class AskNearMisses(TypedDict):
    """Request: `Env.near_misses` of a session."""

    op: Literal["near_misses"]
    session: str


@_strict
class ToolRow(TypedDict):
    """Wire form of a `ToolSpec`, with the arguments as a JSON schema."""

    name: str
    description: str
    parameters: Json
    is_async: bool
    timeout: float | None
    parallel: bool
    parameter_docs: dict[str, str]


@_strict
class Described(TypedDict):
    """Reply to `Describe`: the properties shared by all instances of one id and arguments."""

    max_turns: int
    deadlines: DeadlinesRow
    seats: list[str]
    tools: list[ToolRow]
    oracle: bool


@_strict
class Tasks(TypedDict):
    """Reply to `ListTasks`: a range of a split."""

    size: int
    rows: list[TaskRow]


@_strict
class Hints(TypedDict):
    """Reply to `AskHints`: the hints."""

    hints: list[Any]


@_strict
class NearMisses(TypedDict):
    """Reply to `AskNearMisses`: whole attempts."""

    attempts: list[list[ActionRow]]


_op, _re = Field(discriminator="op"), Field(discriminator="re")
OPENING: TypeAdapter[Open] = TypeAdapter(Open)
OPENED: TypeAdapter[Any] = TypeAdapter(Annotated[Opened | Failed, _re])
REQUESTS: TypeAdapter[Any] = TypeAdapter(Annotated[Request | Cancel, _op])
REPLIES: TypeAdapter[Any] = TypeAdapter(Annotated[Reply, _re])
ASKED: TypeAdapter[Any] = TypeAdapter(
    Annotated[Describe | ListTasks | AskHints | AskNearMisses, _op]
)
DESCRIBED: TypeAdapter[Described] = TypeAdapter(Described)
TASKS: TypeAdapter[Tasks] = TypeAdapter(Tasks)
HINTS: TypeAdapter[Hints] = TypeAdapter(Hints)
NEAR_MISSES: TypeAdapter[NearMisses] = TypeAdapter(NearMisses)
FAILED: TypeAdapter[Failed] = TypeAdapter(Failed)

_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_ascii_encoder = json.JSONEncoder(separators=(",", ":"))


def encode(frame: Mapping[str, Any]) -> str:
    """Encode a frame as JSON; one that holds a lone surrogate is all ASCII, with its escape.

    Raises:
        UsageError: It holds something that is no JSON value, or is longer than `MAX_BYTES`.
    """
    try:
        text = _encoder.encode(frame)
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        text = _ascii_encoder.encode(frame)
        size = len(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot cross the wire ({error}): keep it to JSON values") from error
    if size > MAX_BYTES:
        raise UsageError(
            f"cannot cross the wire: it has {size:,} bytes, and a frame may have "
            f"{MAX_BYTES:,} ({MAX_BYTES // 2**20} MiB): send less"
        )
    return text


def decode(form: TypeAdapter[F], text: str | bytes) -> F:
    """Decode and validate a frame.

    Raises:
        UsageError: It is no JSON, or not of this form.
    """
    try:
        return form.validate_python(json.loads(text))
    except ValidationError as error:
        raise UsageError(f"bad frame: {first_problem(error, 'the frame')}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"bad frame: no JSON ({type(error).__name__}: {error!s:.80})") from None


def number_of(text: str | bytes) -> int:
    """Read the request number of an invalid frame, as far as it can be read; 0 otherwise."""
    try:
        found = json.loads(text)["id"]
    except (ValueError, RecursionError, TypeError, KeyError, IndexError):
        return 0
    return found if type(found) is int else 0
