"""docs/protocol.md from what the code speaks: prose from a template, every shape, code and kind from its definition.

The template holds lines such as `{{close codes}}`; `document` puts the generated part in the place of each.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec.inspect as types
from msgspec import Struct
from msgspec.structs import fields

from undertone.core import errors, events, messages, requests

TEMPLATE: Final = "docs/protocol.template.md"
DOCUMENT: Final = "docs/protocol.md"

_PLACE: Final = re.compile(r"^\{\{(.+)\}\}$", re.MULTILINE)

# Said on both sockets, described once.
SHARED: Final[tuple[type[Struct], ...]] = (messages.Refresh, messages.Expiring, messages.Error)
# Shapes that messages and events hold, in the order a reader meets them.
SHAPES: Final[tuple[type[Struct], ...]] = (
    messages.AudioFormat,
    messages.Cursor,
    messages.Candidate,
    events.Person,
    events.Anomaly,
    events.Evidence,
    events.ReviewGiven,
)
BODIES: Final[tuple[type[Struct], ...]] = (
    requests.CreateMeeting,
    requests.MeetingCreated,
    requests.MeetingData,
    requests.RoomKind,
    requests.MeetingFound,
    requests.MeetingList,
    requests.CreateParticipant,
    requests.ChangeParticipant,
    requests.ParticipantData,
    requests.RenewToken,
    requests.CreateProctor,
    requests.ChangeProctor,
    requests.ProctorData,
    requests.CredentialIssued,
    requests.CredentialData,
    requests.RoomData,
    requests.EnterRoom,
    requests.RoomEntered,
    requests.EventsHead,
    requests.AnomalyList,
    requests.GiveReview,
    requests.LinkIssued,
    requests.Problem,
)


def document(template: str, more: Mapping[str, Callable[[], str]] = {}) -> str:
    """The whole page; `more` are parts made elsewhere. Raises KeyError for a place that nothing fills."""
    parts = {**PARTS, **more}
    return _PLACE.sub(lambda place: parts[place[1]](), template)


def close_codes() -> str:
    """Every close code, its name, its HTTP status, and whether to try again."""
    rows = [
        (str(fault.close), f"`{fault.code}`", str(fault.status), fault.meaning, _retry(fault.close))
        for fault in errors.CLOSE_CODES
    ]
    return _table(("close", "code", "HTTP", "meaning", "again?"), rows)


def _retry(close: int) -> str:
    return "yes" if errors.may_retry(close) else "no"


def event_kinds() -> str:
    """Every kind of event and the fields it carries besides the participant."""
    rows = []
    for body in dict.fromkeys(events.EVENT_KINDS.values()):
        kinds = ", ".join(f"`{kind}`" for kind, each in events.EVENT_KINDS.items() if each is body)
        carried = "<br>".join(
            f"`{field.name}`: {_type(_kind(body, field.name))}{'' if field.required else ', optional'}"
            for field in fields(body)
        )
        rows.append((kinds, _first_line(body), carried or "nothing"))
    return _table(("kind", "what happened", "carries"), rows)


def limits() -> str:
    """The numbers of the protocol."""
    rows = [
        ("`hello` is due within", f"{messages.HELLO_WITHIN_MS} ms"),
        ("one message, text or binary", f"{messages.MAX_MESSAGE_BYTES} bytes"),
        ("`tick` comes every", f"{messages.TICK_EVERY_MS} ms"),
        ("`expiring` comes before the end of a token", f"{messages.EXPIRING_BEFORE_MS} ms"),
    ]
    return _table(("what", "how much"), rows)


def _messages(shapes: Iterable[type[Struct]]) -> str:
    return "\n\n".join(f"#### `{shape.__struct_config__.tag}`\n\n{_described(shape)}" for shape in shapes)


def _own_messages(shapes: Iterable[type[Struct]]) -> str:
    return _messages(shape for shape in shapes if shape not in SHARED)


def _shapes(shapes: Iterable[type[Struct]]) -> str:
    return "\n\n".join(f"#### {shape.__name__}\n\n{_described(shape)}" for shape in shapes)


def _described(shape: type[Struct]) -> str:
    text = " ".join((inspect.getdoc(shape) or "").split())
    rows = [(f"`{field.name}`", _type(_kind(shape, field.name)), _need(field)) for field in fields(shape)]
    return f"{text}\n\n{_table(('field', 'type', ''), rows)}" if rows else text


def _first_line(shape: type[Struct]) -> str:
    return (inspect.getdoc(shape) or "").split("\n")[0]


def _kind(shape: type[Struct], name: str) -> types.Type:
    info = types.type_info(shape)
    assert isinstance(info, types.StructType)
    return next(field.type for field in info.fields if field.name == name)


def _need(field: Any) -> str:
    if field.required:
        return "required"
    return "optional" if field.default is None else f"default `{_json(field.default)}`"


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(kind: types.Type) -> str:
    """A type in words: what a reader may send, or must expect."""
    match kind:
        case types.UnionType(types=options):
            named = [_type(option) for option in options if not isinstance(option, types.NoneType)]
            # At the top level, absent says the same as null; within a list null is a value of its own.
            return " or ".join(named)
        case types.StrType():
            return "string" + _bounds(kind.min_length, kind.max_length, " characters") + _pattern(kind.pattern)
        case types.IntType():
            return "integer" + _bounds(kind.ge, kind.le, "")
        case types.FloatType():
            return "number"
        case types.BoolType():
            return "boolean"
        case types.LiteralType(values=values):
            return " \\| ".join(f"`{_json(value)}`" for value in values)
        case types.StructType(cls=shape):
            return shape.__name__
        case types.ListType(item_type=item):
            return f"list of {_type(item)}"
        case types.TupleType(item_types=items):
            return "[" + ", ".join(_type(item) + _or_null(item) for item in items) + "]"
        case types.DictType():
            return "object"
    raise TypeError(f"{kind} has no name in the protocol document")


def _or_null(kind: types.Type) -> str:
    nullable = isinstance(kind, types.UnionType) and any(isinstance(each, types.NoneType) for each in kind.types)
    return " or null" if nullable else ""


def _bounds(low: int | None, high: int | None, unit: str) -> str:
    if high is None:
        return "" if low is None else f", {low} or more{unit}"
    return f", {low or 0} to {_power(high)}{unit}"


def _power(number: int) -> str:
    """Large bounds are powers of two, or one less, and easier to read as such."""
    if number >= 2**31 - 1:
        for exponent in range(31, 64):
            if number in (2**exponent, 2**exponent - 1):
                return f"2^{exponent}" + (" − 1" if number == 2**exponent - 1 else "")
    return str(number)


def _pattern(pattern: str | None) -> str:
    if pattern is None:
        return ""
    return ", no NUL" if pattern == r"^[^\x00]*$" else f", `{pattern}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


PARTS: Final[dict[str, Callable[[], str]]] = {
    "close codes": close_codes,
    "limits": limits,
    "on both": lambda: _messages(SHARED),
    "from the candidate": lambda: _own_messages(messages.FROM_CANDIDATE),
    "to the candidate": lambda: _own_messages(messages.TO_CANDIDATE),
    "from the proctor": lambda: _own_messages(messages.FROM_PROCTOR),
    "to the proctor": lambda: _own_messages(messages.TO_PROCTOR),
    "event kinds": event_kinds,
    "shapes": lambda: _shapes(SHAPES),
    "bodies": lambda: _shapes(BODIES),
}
